using MassTransit;

namespace Brook.MassTransit.Testing;

/// <summary>
/// What Brook promises on every transport, as named cases: run each of <see cref="CasesOf"/> with <see cref="RunAsync"/> from whatever test framework you use.
/// Thread safe; cases may run side by side, each on an address of its own.
/// </summary>
public static class TransportContract
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    private static readonly TransportCase[] All = [.. OrderCases.All, .. DeliveryCases.All, .. NodeCases.All, .. ParkingCases.All, .. StopCases.All];

    /// <summary>The names of the cases that a transport with these features must pass: sentences, each one a promise.</summary>
    public static IReadOnlyList<string> CasesOf(TransportFeatures features)
    {
        ArgumentNullException.ThrowIfNull(features);
        return [.. All.Where(@case => @case.Needs(features)).Select(@case => @case.Name)];
    }

    /// <summary>Runs one case.</summary>
    /// <param name="name">One of <see cref="CasesOf"/>.</param>
    /// <param name="transport">The transport, at an address where nothing is.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    /// <exception cref="TransportContractException">The transport breaks this promise, throws, or does not end within two minutes.</exception>
    /// <exception cref="ArgumentException">There is no such case.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async Task RunAsync(string name, TransportUnderTest transport, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(transport);
        var @case = Array.Find(All, @case => @case.Name == name) ?? throw new ArgumentException($"The contract has no case '{name}'. Take one of TransportContract.CasesOf.", nameof(name));
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var probe = new TransportProbe(name, transport, ending.Token);
        var running = RunCaseAsync(@case, probe, cancellationToken);
        try
        {
            await running.WaitAsync(Deadline, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException e) when (!running.IsCompleted)
        {
            await ending.CancelAsync().ConfigureAwait(false);
            throw new TransportContractException($"'{name}' had not ended after {Deadline.TotalMinutes} minutes.", e);
        }
    }

    private static async Task RunCaseAsync(TransportCase @case, TransportProbe probe, CancellationToken cancellationToken)
    {
        await using (probe.ConfigureAwait(false))
        {
            try
            {
                await @case.Run(probe).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not TransportContractException && !cancellationToken.IsCancellationRequested)
            {
                throw new TransportContractException($"'{@case.Name}' ended with {e.GetType().Name}: {e.Message}", e);
            }
        }
    }
}

/// <summary>What a transport can do. Immutable; nothing by default.</summary>
public sealed record TransportFeatures
{
    /// <summary>Several processes share the stream, and what is sent outlives them.</summary>
    public bool ManyNodes { get; init; }

    /// <summary>The broker can be restarted: <see cref="TransportUnderTest.RestartAsync"/>.</summary>
    public bool Restart { get; init; }
}

/// <summary>A transport to be tested, at one address.</summary>
/// <param name="Features">What it can do.</param>
/// <param name="Configure">Puts the bus on the transport: <c>x => x.UsingRabbitMq(...)</c>. Called for each node.</param>
public sealed record TransportUnderTest(TransportFeatures Features, Action<IBusRegistrationConfigurator> Configure)
{
    /// <summary>Puts an instance's stream elsewhere than on the bus, after all else of its setup: <c>brook => brook.UseKafka(...)</c>, with a topic that has 4 partitions. Called for each instance; null: it is on the bus.</summary>
    public Action<BrookBuilder>? ConfigureStream { get; init; }

    /// <summary>Stops the broker and starts it again with what it has; null: there is none.</summary>
    public Func<CancellationToken, Task>? RestartAsync { get; init; }
}

/// <summary>A transport breaks the contract. The message says in which case, what was expected and what was found.</summary>
public sealed class TransportContractException : Exception
{
    /// <summary>An exception without a message.</summary>
    public TransportContractException() { }

    /// <summary>An exception that says what was expected and what was found.</summary>
    public TransportContractException(string message) : base(message) { }

    /// <summary>An exception that says what was expected and what was found, with its cause.</summary>
    public TransportContractException(string message, Exception? innerException) : base(message, innerException) { }
}

/// <summary>A promise as a sentence, what a transport must be able to do for it, and how to find out.</summary>
internal sealed record TransportCase(string Name, Func<TransportFeatures, bool> Needs, Func<TransportProbe, Task> Run)
{
    public TransportCase(string name, Func<TransportProbe, Task> run) : this(name, _ => true, run) { }
}

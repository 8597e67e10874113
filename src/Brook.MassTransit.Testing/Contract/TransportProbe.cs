using System.Collections.Concurrent;
using System.Diagnostics;
using Brook.Storage;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using static Brook.Change;

namespace Brook.MassTransit.Testing;

/// <summary>The event of the cases: each key's are numbered from 1 on.</summary>
internal sealed record Step(int Number, string Load = "");

/// <summary>What a case works with: nodes over one transport and one store, and a view that shows what was lost, doubled or out of order.</summary>
internal sealed class TransportProbe(string name, TransportUnderTest transport, CancellationToken cancellationToken) : IAsyncDisposable
{
    public static readonly ViewCollection<int> Last = "last";
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(60);
    private readonly ConcurrentBag<TransportNode> _nodes = [];

    public CancellationToken Cancellation => cancellationToken;

    public TransportUnderTest Transport => transport;

    /// <summary>What is sent stays when all nodes are gone.</summary>
    public bool OutlivesNodes => transport.Features.ManyNodes;

    /// <summary>The view, which all nodes share unless a case says otherwise.</summary>
    public IViewStore Store { get; set; } = new InMemoryViewStore();

    public static BrookEvent<Step> Step(string key, int number, string load = "") => new("step", new Step(number, load)) { Key = key };

    public Task<TransportNode> StartAsync(Action<BrookBuilder>? more = null, Action<BrookEvent<Step>>? handling = null, TimeSpan? stopTimeout = null)
        => StartAsync(x => x.AddBrook(brook => Setup(brook, Store, more, handling)), stopTimeout);

    /// <summary>A node that only sends.</summary>
    public Task<TransportNode> StartSenderAsync() => StartAsync(x => x.AddBrook(brook =>
    {
        brook.Stream("stream", partitions: 4).SendOnly();
        transport.ConfigureStream?.Invoke(brook);
    }));

    /// <summary>A node with two instances on the stream.</summary>
    public Task<TransportNode> StartTwoAsync(IViewStore other) => StartAsync(x =>
    {
        x.AddBrook(brook => Setup(brook, Store, null, null));
        x.AddBrook("other", brook => Setup(brook, other, null, null));
    });

    private async Task<TransportNode> StartAsync(Action<IBusRegistrationConfigurator> addBrook, TimeSpan? stopTimeout = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = stopTimeout ?? TimeSpan.FromSeconds(20));
        builder.Services.Configure<MassTransitHostOptions>(options => options.WaitUntilStarted = true);
        builder.Services.AddMassTransit(x =>
        {
            addBrook(x);
            transport.Configure(x);
        });
        var node = new TransportNode(builder.Build());
        _nodes.Add(node);
        await BrookTestHarness.StartAsync(node.Host, cancellationToken).ConfigureAwait(false);
        return node;
    }

    public async Task SendAsync(TransportNode node, string key, int from, int to, string load = "")
    {
        for (var number = from; number <= to; number++) await node.Brook.SendAsync(Step(key, number, load), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends when the view has all of a key's events, none of them twice or out of order.</summary>
    public async Task HasAllAsync(string key, int count, IViewStore? store = null)
    {
        await UntilAsync($"the last number of {key}", count, async () => await ReadAsync(store ?? Store, key).ConfigureAwait(false)).ConfigureAwait(false);
    }

    /// <summary>Looks again until it is there, or fails at the deadline.</summary>
    public async Task UntilAsync<T>(string what, T expected, Func<ValueTask<T>> value)
    {
        var started = Stopwatch.GetTimestamp();
        while (await value().ConfigureAwait(false) is var there && !Equals(there, expected))
        {
            if (Stopwatch.GetElapsedTime(started) > s_deadline) throw new TransportContractException($"'{name}': {what}: expected {expected} within {s_deadline.TotalSeconds} s, found {there}.");
            await Task.Delay(10, cancellationToken).ConfigureAwait(false);
        }
    }

    public void Equal<T>(string what, T expected, T found)
    {
        if (!Equals(expected, found)) throw new TransportContractException($"'{name}': {what}: expected {expected}, found {found}.");
    }

    /// <summary>Ends with the task, or fails at the deadline.</summary>
    public async Task EndsAsync(string what, Task task)
    {
        try { await task.WaitAsync(s_deadline, cancellationToken).ConfigureAwait(false); }
        catch (TimeoutException e) when (!task.IsCompleted) { throw new TransportContractException($"'{name}': {what} did not end within {s_deadline.TotalSeconds} s.", e); }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes) await node.DisposeAsync().ConfigureAwait(false);
    }

    public async ValueTask<int> ReadAsync(IViewStore store, string key)
    {
        var entry = (await store.ReadAsync(new EntryKey[] { new(Last.Name, key) }, cancellationToken).ConfigureAwait(false))[0];
        return entry.IsMissing ? 0 : System.Text.Json.JsonSerializer.Deserialize<int>(entry.Value.Span);
    }

    /// <summary>As if a process had ended when its events were sent and their rows were still there.</summary>
    public async Task PutBackIntoOutboxAsync(string key)
    {
        var lane = (await Store.ReadPageAsync("$lanes", "", null, 1, cancellationToken).ConfigureAwait(false)).Entries[0].Key;
        var (commit, row) = (new Commit(Commit.NewVersion()), 0);
        await foreach (var sent in Store.ReadLogAsync(new(Last.Name, key), null, cancellationToken).ConfigureAwait(false))
            commit.Add(new CommitEntry(new("$outbox", $"{lane}/{row++:D12}"), EntryAction.Put, null, sent.ToArray()));
        Equal("the rows that are put back", true, row > 0 && (await Store.CommitAsync(commit, cancellationToken).ConfigureAwait(false)).IsCommitted);
    }

    private void Setup(BrookBuilder brook, IViewStore store, Action<BrookBuilder>? more, Action<BrookEvent<Step>>? handling)
    {
        brook.UseStore(_ => store).Stream("stream", partitions: 4);
        more?.Invoke(brook);
        transport.ConfigureStream?.Invoke(brook);
        brook.Options.HandlerAttempts = 1;
        brook.On<Step>("step", e =>
        {
            handling?.Invoke(e);
            return e.Forwarded ? Discard : Merge(Last, e.Key!, last => e.Data.Number == last + 1 ? e.Data.Number : throw new InvalidOperationException($"{e.Key}: {e.Data.Number} came after {last}"));
        });
    }
}

/// <summary>One process, as an application would set it up.</summary>
internal sealed class TransportNode(IHost host) : IAsyncDisposable
{
    private bool _stopped, _disposed;

    public IHost Host => host;
    public IBrook Brook => host.Services.GetRequiredService<IBrook>();
    public IBrookView View => host.Services.GetRequiredService<IBrookView>();
    public IParkedEvents Parked => host.Services.GetRequiredService<IParkedEvents>();

    public Task StopAsync()
    {
        _stopped = true;
        return host.StopAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed) return;
        _disposed = true;
        if (!_stopped) await StopAsync().ConfigureAwait(false);
        if (host is IAsyncDisposable asynchronous) await asynchronous.DisposeAsync().ConfigureAwait(false);
        else host.Dispose();
    }
}

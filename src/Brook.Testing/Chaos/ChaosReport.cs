using System.Globalization;

namespace Brook.Testing;

/// <summary>What a run of <see cref="Chaos"/> that found nothing has done.</summary>
public sealed class ChaosReport
{
    internal ChaosReport(int trials, long events, IReadOnlyDictionary<ChaosFaults, long> faults, string fingerprint) => (Trials, Events, Faults, Fingerprint) = (trials, events, faults, fingerprint);

    /// <summary>How many trials ran.</summary>
    public int Trials { get; }

    /// <summary>How many events they handled, without those that came again.</summary>
    public long Events { get; }

    /// <summary>How often each fault happened; one that never did is missing.</summary>
    public IReadOnlyDictionary<ChaosFaults, long> Faults { get; }

    /// <summary>Made from all the views: the same for the same handlers, events and seed in every process. A handler that rests on the order of a hash table, which differs from process to process, gives another one in the next run.</summary>
    public string Fingerprint { get; }

    /// <summary>In one line, for a test's output.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Trials:N0} trials, {Events:N0} events, {string.Join(", ", Faults.OrderBy(fault => fault.Key).Select(fault => string.Create(CultureInfo.InvariantCulture, $"{fault.Key} {fault.Value:N0}")))}; fingerprint {Fingerprint}");
}

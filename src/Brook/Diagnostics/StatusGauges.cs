using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Brook;

/// <summary>What instances of this process gauges tell of. A gauge is read in an instant and a source is not, so what is told was found a few seconds ago (<see cref="StatusReader.Latest"/>).</summary>
internal sealed class StatusGauges
{
    private readonly ConcurrentDictionary<StatusReader, bool> _readers = new();

    public IDisposable Add(StatusReader reader)
    {
        _readers[reader] = true;
        return new Watched(() => _readers.TryRemove(reader, out _));
    }

    public IEnumerable<Measurement<long>> Instances(Func<BrookStatus, long?> value, bool withState = false)
    {
        foreach (var status in Latest())
        {
            if (value(status) is not { } number) continue;
            var instance = new KeyValuePair<string, object?>("brook.instance", status.Instance);
            yield return withState ? new(number, instance, new("brook.state", NameOf(status.State))) : new(number, instance);
        }
    }

    public IEnumerable<Measurement<T>> Lanes<T>(Func<LaneStatus, T?> value) where T : struct
    {
        foreach (var status in Latest())
            foreach (var lane in status.Lanes)
                if (lane.IsHere && value(lane) is { } number) yield return new(number, new("brook.instance", status.Instance), new KeyValuePair<string, object?>("brook.lane", lane.Name));
    }

    /// <summary>In words of metrics: <c>catching_up</c>.</summary>
    public static string NameOf(BrookState state) => state switch
    {
        BrookState.CatchingUp => "catching_up",
        BrookState.BrokerLost => "broker_lost",
        BrookState.StoreLost => "store_lost",
        _ => state.ToString().ToLowerInvariant(),
    };

    private IEnumerable<BrookStatus> Latest() => _readers.Keys.Select(reader => reader.Latest()).OfType<BrookStatus>();

    private sealed class Watched(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}

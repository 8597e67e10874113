using System.Collections.Concurrent;
using System.Globalization;

namespace Brook.MassTransit;

/// <summary>The streams of one bus: its instances share their backlogs and must agree on partitions.</summary>
internal sealed class BusStreams
{
    private readonly ConcurrentDictionary<string, (int Partitions, string Instance)> _partitions = new();
    private readonly ConcurrentDictionary<string, StreamBacklog> _backlogs = new();

    private readonly ConcurrentBag<StreamGate> _gates = [];

    public void Add(StreamGate gate) => _gates.Add(gate);

    /// <summary>The bus does not start, because of one of its instances: nobody's sends wait for it any longer.</summary>
    public void Fail(string reason)
    {
        foreach (var gate in _gates) gate.Close(reason);
    }

    public StreamBacklog Backlog(string stream) => _backlogs.GetOrAdd(stream, _ => new StreamBacklog());

    /// <exception cref="BrookException">Another instance of the bus has another number of partitions for the stream.</exception>
    public void Use(StreamOptions stream)
    {
        var (partitions, instance) = _partitions.GetOrAdd(stream.Stream, (stream.Partitions, stream.Instance));
        if (partitions != stream.Partitions)
            throw new BrookException(string.Create(CultureInfo.InvariantCulture, $"Stream '{stream.Stream}' has {partitions} partitions for instance '{instance}' and {stream.Partitions} for instance '{stream.Instance}'. A key would be in two partitions: give both the same number."));
    }
}

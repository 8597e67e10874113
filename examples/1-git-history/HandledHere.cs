using System.Diagnostics.Metrics;

namespace GitHistory;

/// <summary>How many events came into the view by this process, by Brook's own counter: the others were handled by who shares the work.</summary>
public sealed class HandledHere : IDisposable
{
    private readonly MeterListener _listener = new();
    private long _count;

    public HandledHere()
    {
        _listener.InstrumentPublished = (instrument, listener) => { if (instrument is { Meter.Name: "Brook", Name: "brook.events" }) listener.EnableMeasurementEvents(instrument); };
        _listener.SetMeasurementEventCallback<long>((_, count, tags, _) =>
        {
            foreach (var tag in tags)
                if (tag is { Key: "brook.outcome", Value: "applied" }) Interlocked.Add(ref _count, count);
        });
        _listener.Start();
    }

    public long Count => Interlocked.Read(ref _count);

    public void Dispose() => _listener.Dispose();
}

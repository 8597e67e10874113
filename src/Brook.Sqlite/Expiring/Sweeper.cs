using Brook.Expiring;
using Microsoft.Extensions.Logging;

namespace Brook.Sqlite;

/// <summary>Frees the room of entries that have expired. Reads and commits do not see them from their end on.</summary>
internal sealed class Sweeper : IAsyncDisposable
{
    private readonly Writer _writer;
    private readonly Sweeping _sweeping;

    public Sweeper(Writer writer, TimeProvider time, TimeSpan interval, ILogger logger)
    {
        _writer = writer;
        _sweeping = new(SweepAsync, error => Log.SweepFailed(logger, error), time, interval);
    }

    public void Start() => _sweeping.Start();

    public ValueTask DisposeAsync() => _sweeping.DisposeAsync();

    private async ValueTask SweepAsync(CancellationToken cancellationToken)
    {
        WriteCall call;
        do await _writer.Enqueue(call = new WriteCall(null, cancellationToken)).ConfigureAwait(false);
        while (call.Swept == Changes.SweptAtOnce);
    }
}

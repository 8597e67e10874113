using System.Collections.Concurrent;

namespace Brook.Sqlite;

/// <summary>Reading connections, opened as they are needed. A read runs where it is called: it takes microseconds, and waits for no writer.</summary>
internal sealed class Readers(string path, TimeSpan patience) : IDisposable
{
    private const int Most = 8;
    private readonly SemaphoreSlim _free = new(Most);
    private readonly ConcurrentBag<Reader> _idle = [];
    private volatile bool _disposed;

    /// <exception cref="BrookException">It fails.</exception>
    public async ValueTask<T> ReadAsync<TState, T>(TState state, Func<Reader, TState, T> read, CancellationToken cancellationToken)
    {
        await _free.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            for (var waiting = new Patience(path, patience); ;)
            {
                ObjectDisposedException.ThrowIf(_disposed, typeof(SqliteViewStore));
                try { return Read(state, read); }
                catch (BusyException e) { await Task.Delay(waiting.Pause(e), cancellationToken).ConfigureAwait(false); }    // another process opens or closes the file
            }
        }
        finally
        {
            _free.Release();
        }
    }

    public void Dispose()
    {
        _disposed = true;
        while (_idle.TryTake(out var reader)) reader.Dispose();
    }

    private T Read<TState, T>(TState state, Func<Reader, TState, T> read)
    {
        if (!_idle.TryTake(out var reader)) reader = Reader.Open(path);
        try
        {
            return read(reader, state);
        }
        finally
        {
            _idle.Add(reader);
            if (_disposed) Dispose();
        }
    }
}

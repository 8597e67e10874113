using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>
/// The name of the data in the server: made with the first start, gone with the data. Every commit compares it. Reads do when there is a reason to doubt: the connection
/// was lost since, or a commit found another one.
/// </summary>
internal sealed class DataId(RedisConnection connection, RedisNames names)
{
    private long _doubts, _settled;             // how often there was a reason, and up to which one it was found to be none

    public RedisValue Value { get; private set; }

    /// <summary>Takes the one that is there, or makes one.</summary>
    public async ValueTask OpenAsync(CancellationToken cancellationToken)
    {
        var doubts = Interlocked.Read(ref _doubts);
        await connection.AskAsync(database => database.StringSetAsync(names.Id, Guid.NewGuid().ToString("N"), when: When.NotExists), cancellationToken).ConfigureAwait(false);
        Value = await FindAsync(cancellationToken).ConfigureAwait(false);
        Interlocked.Exchange(ref _settled, doubts);
    }

    public void Doubt() => Interlocked.Increment(ref _doubts);

    /// <summary>Reads, and again when a doubt came up meanwhile: a view without its data must not be shown as an empty one.</summary>
    /// <exception cref="BrookException">The data is gone, or another one.</exception>
    public async ValueTask<T> ReadAsync<T>(Func<ValueTask<T>> read, CancellationToken cancellationToken)
    {
        while (true)
        {
            var doubts = Interlocked.Read(ref _doubts);
            if (doubts != Interlocked.Read(ref _settled))
            {
                var found = await FindAsync(cancellationToken).ConfigureAwait(false);
                if (found != Value) throw Lost(found);
                Interlocked.Exchange(ref _settled, doubts);
            }
            var answer = await read().ConfigureAwait(false);
            if (doubts == Interlocked.Read(ref _doubts)) return answer;
        }
    }

    public BrookException Lost(string? found) => new(
        $"The data of the view {names.Prefix}* is not what this application started with: Redis at {connection.Endpoint} {(string.IsNullOrEmpty(found) ? "has none" : "has other data")}. It was restarted without persistence, flushed, or replaced. " +
        "Nothing was written. Restore the data, and Brook goes on by itself; or restart the application, and it begins with what is there now.");

    private ValueTask<RedisValue> FindAsync(CancellationToken cancellationToken) => connection.AskAsync(database => database.StringGetAsync(names.Id), cancellationToken);
}

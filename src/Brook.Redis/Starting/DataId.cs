using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>
/// The name of the data in the server: made with the first start, gone with the data. Every commit compares it. Reads do when there is a reason to doubt: the connection
/// was lost since, or a commit found another one.
/// </summary>
internal sealed class DataId(RedisConnection connection, RedisNames names)
{
    private volatile bool _inDoubt;

    public RedisValue Value { get; private set; }

    /// <summary>Takes the one that is there, or makes one.</summary>
    public async ValueTask OpenAsync(CancellationToken cancellationToken)
    {
        await connection.AskAsync(database => database.StringSetAsync(names.Id, Guid.NewGuid().ToString("N"), when: When.NotExists), cancellationToken).ConfigureAwait(false);
        Value = await FindAsync(cancellationToken).ConfigureAwait(false);
        _inDoubt = false;
    }

    public void Doubt() => _inDoubt = true;

    /// <summary>A view without its data must not be shown as an empty one.</summary>
    /// <exception cref="BrookException">The data is gone, or another one.</exception>
    public async ValueTask EnsureAsync(CancellationToken cancellationToken)
    {
        if (!_inDoubt) return;
        var found = await FindAsync(cancellationToken).ConfigureAwait(false);
        if (found != Value) throw Lost(found);
        _inDoubt = false;
    }

    public BrookException Lost(string? found) => new(
        $"The data of the view {names.Prefix}* is not what this application started with: Redis at {connection.Endpoint} {(string.IsNullOrEmpty(found) ? "has none" : "has other data")}. It was restarted without persistence, flushed, or replaced. " +
        "Nothing was written. Restore the data, and Brook goes on by itself; or restart the application, and it begins with what is there now.");

    private ValueTask<RedisValue> FindAsync(CancellationToken cancellationToken) => connection.AskAsync(database => database.StringGetAsync(names.Id), cancellationToken);
}

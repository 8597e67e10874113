using System.Text;
using System.Text.Json;
using Brook.Storage;
using StackExchange.Redis;

namespace Brook.Redis.Tests.Support;

/// <summary>Writes as Brook for Elixir does, past Brook for .NET: plain commands, one after the other.</summary>
internal sealed class ElixirWriter(IDatabase redis, string space)
{
    public RedisKey StateOf(string collection, string key) => $"{space}:state:{collection}:{key}";

    public RedisKey LogOf(string collection, string key, string type) => $"{space}:events:{collection}:{key}:{type}";

    /// <summary>persist: SET, then RPUSH.</summary>
    public async Task PersistAsync(string collection, string key, string value, string type = "t", long at = 1, string? keyJson = null)
    {
        await redis.StringSetAsync(StateOf(collection, key), $$"""{"key":{{keyJson ?? JsonSerializer.Serialize(key)}},"value":{{JsonSerializer.Serialize(value)}}}""");
        await PushAsync(collection, key, type, $$"""{"author":"elixir","create_ts":{{at}},"data":{{value}},"forwarded":false,"type":"{{type}}","__brook_struct__":"Elixir.Brook.Event"}""");
    }

    public Task PushAsync(string collection, string key, string type, string envelope) => redis.ListRightPushAsync(LogOf(collection, key, type), Golden.Gzip(envelope));

    /// <summary>delete: the state, and what KEYS finds.</summary>
    public async Task DeleteAsync(string collection, string key)
    {
        var found = (RedisKey[]?)await redis.ExecuteAsync("KEYS", $"{space}:events:{collection}:{key}:*") ?? [];
        await redis.KeyDeleteAsync([StateOf(collection, key), .. found]);
    }

    /// <summary>get_all: the names that KEYS finds.</summary>
    public async Task<string[]> KeysAsync(string pattern) => [.. ((string?[]?)await redis.ExecuteAsync("KEYS", $"{space}:{pattern}") ?? []).Select(name => name![(space.Length + 1)..]).Order(StringComparer.Ordinal)];
}

/// <summary>A store in Elixir's layout, asked in few words.</summary>
internal sealed class ElixirProbe(ElixirViewStore store) : IAsyncDisposable
{
    public ElixirViewStore Store => store;

    public static CommitEntry Put(string collection, string key, string value, long? expected = null) => new(new(collection, key), EntryAction.Put, expected, Encoding.UTF8.GetBytes(value));

    public static CommitEntry Delete(string collection, string key, long? expected = null) => new(new(collection, key), EntryAction.Delete, expected);

    /// <summary>Commits one entry, with events of these types in its log.</summary>
    public async Task<CommitResult> CommitAsync(CommitEntry entry, params string[] types)
    {
        var commit = new Commit(Commit.NewVersion());
        commit.Add(in entry);
        foreach (var type in types) commit.Add(new CommitAppend(0, type, Golden.RecordOf($$"""{"author":"net","create_ts":1,"data":1,"type":"{{type}}"}"""), 9));
        return await store.CommitAsync(commit, TestContext.Current.CancellationToken);
    }

    public async Task<StoredEntry> ReadAsync(string collection, string key) => (await store.ReadAsync(new EntryKey[] { new(collection, key) }, TestContext.Current.CancellationToken))[0];

    public async Task<string?> ValueAsync(string collection, string key) => await ReadAsync(collection, key) is { IsMissing: false } entry ? Encoding.UTF8.GetString(entry.Value.Span) : null;

    /// <summary>"author type data" of each event.</summary>
    public async Task<string[]> LogAsync(string collection, string key, string? type = null)
        => [.. (await store.ReadLogAsync(new(collection, key), type, TestContext.Current.CancellationToken).ToListAsync()).Select(record => JsonDocument.Parse(record).RootElement).Select(e => $"{e.GetProperty("author")} {e.GetProperty("type")} {e.GetProperty("data")}")];

    public async Task<string[]> KeysAsync(string collection, string prefix = "")
        => [.. (await store.ReadPageAsync(collection, prefix, null, 1000, TestContext.Current.CancellationToken)).Entries.Select(entry => entry.Key)];

    public ValueTask DisposeAsync() => store.DisposeAsync();
}

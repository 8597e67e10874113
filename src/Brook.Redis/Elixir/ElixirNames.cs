using System.Text;
using Brook.Storage;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>What the keys of a view in Elixir's layout are called (docs/elixir-layout.md). Ours stand below <c>mt:</c>, where Elixir never looks.</summary>
internal sealed class ElixirNames(string space)
{
    /// <summary>What all keys begin with.</summary>
    public string Prefix { get; } = $"{space}:";

    /// <summary>What the names of the states begin with, and those of the logs, and those of our rows (hashes by collection: version and hash of a state, its end, its event types).</summary>
    public string States { get; } = $"{space}:state:";
    public string Events { get; } = $"{space}:events:";
    public string Rows { get; } = $"{space}:mt:v:";

    /// <summary>The keys of Brook's own collections, in the native layout.</summary>
    public RedisNames Own { get; } = new($"{space}:", "mt:");

    /// <summary>Sorted set by time: collection, 0, key of the entries that have an end.</summary>
    public RedisKey Ends { get; } = Key($"{space}:mt:ends");

    public static bool IsOwn(string collection) => collection.StartsWith('$');

    /// <summary>String: <c>{"key":...,"value":"..."}</c>.</summary>
    public RedisKey StateOf(EntryKey entry) => Key($"{States}{entry.Collection}:{entry.Key}");

    /// <summary>List: events of one type, each compressed.</summary>
    public RedisKey LogOf(EntryKey entry, string type) => Key($"{Events}{entry.Collection}:{entry.Key}:{type}");

    public RedisKey RowsOf(string collection) => Key(Rows + collection);

    /// <summary>Without a colon in it only one entry can have this name; with one, the state says whose it is.</summary>
    public static bool IsAmbiguous(EntryKey entry) => entry.Collection.Contains(':', StringComparison.Ordinal) || entry.Key.Contains(':', StringComparison.Ordinal);

    /// <summary>The entries besides this one that could have named a list: <c>people:1:ref:create</c> is a log of <c>people/1</c>, or of <c>people/1:ref</c>.</summary>
    public IEnumerable<RedisKey> OtherOwnersOf(EntryKey entry, string type)
    {
        var (own, name) = ($"{entry.Collection}:{entry.Key}", $"{entry.Collection}:{entry.Key}:{type}");
        for (var at = name.IndexOf(':', name.IndexOf(':', StringComparison.Ordinal) + 1); at >= 0; at = name.IndexOf(':', at + 1))
            if (at != own.Length) yield return Key(States + name[..at]);
    }

    private static RedisKey Key(string name) => Encoding.UTF8.GetBytes(name);
}

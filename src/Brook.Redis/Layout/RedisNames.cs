using System.Collections.Concurrent;
using System.Text;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>What the keys of one view are called (docs/redis-layout.md). All share one hash tag, so one script may use them together, in a cluster too.</summary>
internal sealed class RedisNames
{
    private readonly ConcurrentDictionary<string, CollectionNames> _collections = new();
    private readonly string _own;

    public RedisNames(string space) : this($"{{{space}}}:", "") { }

    /// <param name="prefix">What all keys of the view begin with.</param>
    /// <param name="own">What stands behind it in the keys named here.</param>
    public RedisNames(string prefix, string own)
    {
        (Prefix, _own) = (prefix, prefix + own);
        (Id, Expiring, Probe) = (Key("id"), Key("expiring"), Key("probe"));
        RedisKey Key(string name) => Encoding.UTF8.GetBytes(_own + name);
    }

    /// <summary>What all keys begin with.</summary>
    public string Prefix { get; }

    /// <summary>The string that names the data: made with the first start, gone with the data.</summary>
    public RedisKey Id { get; }

    /// <summary>The set of collections that ever had an entry with an end.</summary>
    public RedisKey Expiring { get; }

    /// <summary>What the check of rights writes and removes.</summary>
    public RedisKey Probe { get; }

    /// <summary>The channel on which commits of a lane are published; the script makes the same name of <see cref="Id"/>.</summary>
    public string ChannelOf(string lane) => $"{_own}lane:{lane}";

    /// <summary>What the names of the collections' indexes begin with: each has one while it has entries.</summary>
    public string Indexes => $"{_own}i:";

    /// <summary>The collection of an index.</summary>
    public string CollectionOf(string index) => index[Indexes.Length..].Replace("%3A", ":", StringComparison.Ordinal).Replace("%25", "%", StringComparison.Ordinal);

    public CollectionNames Of(string collection) => _collections.GetOrAdd(collection, static (name, prefix) => new(prefix, name), _own);
}

/// <summary>The keys of one collection.</summary>
internal sealed class CollectionNames
{
    public CollectionNames(string prefix, string collection)
    {
        var name = collection.Replace("%", "%25", StringComparison.Ordinal).Replace(":", "%3A", StringComparison.Ordinal);      // a log's key has ':' behind it
        (Entries, Index, Expiries, Logs) = (Key("s"), Key("i"), Key("x"), Encoding.UTF8.GetBytes($"{prefix}l:{name}:"));
        RedisKey Key(string kind) => Encoding.UTF8.GetBytes($"{prefix}{kind}:{name}");
    }

    /// <summary>Hash: key -> version, format and value.</summary>
    public RedisKey Entries { get; }

    /// <summary>Sorted set of the keys, all with the score 0: ordered by their bytes.</summary>
    public RedisKey Index { get; }

    /// <summary>Sorted set of the keys that have an end, by it.</summary>
    public RedisKey Expiries { get; }

    /// <summary>What the names of the logs begin with.</summary>
    public byte[] Logs { get; }

    /// <summary>List: the log of an entry.</summary>
    public RedisKey LogOf(string key) => new RedisKey(key).Prepend(Logs);
}

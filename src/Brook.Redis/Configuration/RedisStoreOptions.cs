using System.Text;

namespace Brook.Redis;

/// <summary>Plain data of a view in Redis. Connection, TLS, user, password, timeouts and database index are those of StackExchange.Redis' <c>ConfigurationOptions</c>.</summary>
public sealed class RedisStoreOptions
{
    internal const int MaxNamespaceBytes = 128;

    /// <summary>What the names of all keys begin with, in braces, so that a cluster keeps them together: <c>{brook}:s:orders</c>. Nodes that share a view share it; two views must not.</summary>
    /// <value>The default is the Brook instance's name: <c>brook</c>, unless it has one.</value>
    public string? Namespace { get; set; }

    /// <summary>The database of a server that has several; null: what the connection says.</summary>
    /// <value>The default is null.</value>
    public int? Database { get; set; }

    /// <summary>How often entries that have expired are removed where nothing is written. They are missing from their end on, whatever this is.</summary>
    /// <value>The default is one minute.</value>
    public TimeSpan SweepInterval { get; set; } = TimeSpan.FromMinutes(1);

    /// <exception cref="BrookException">Something is out of range; all errors together.</exception>
    internal void Validate(string space)
    {
        var errors = new List<string>();
        if (string.IsNullOrWhiteSpace(space) || space.Any(c => c is '{' or '}' || char.IsControl(c) || char.IsWhiteSpace(c)) || Encoding.UTF8.GetByteCount(space) > MaxNamespaceBytes)
            errors.Add($"Namespace is '{space}'; it must have 1 to {MaxNamespaceBytes} bytes without braces, blanks and control characters.");
        if (Database < 0) errors.Add($"Database is {Database}; it must be 0 or more.");
        if (SweepInterval <= TimeSpan.Zero || SweepInterval > TimeSpan.FromDays(1)) errors.Add($"SweepInterval is {SweepInterval}; it must be more than 0, and a day at most.");
        if (errors.Count > 0) throw new BrookException($"The options of the Redis store are not valid:{string.Concat(errors.Select(error => $"\n  - {error}"))}");
    }
}

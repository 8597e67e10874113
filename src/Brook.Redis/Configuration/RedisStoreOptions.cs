using System.Text;

namespace Brook.Redis;

/// <summary>Plain data of a view in Redis. Connection, TLS, user, password, timeouts and database index are those of StackExchange.Redis' <c>ConfigurationOptions</c>.</summary>
public sealed class RedisStoreOptions
{
    internal const int MaxNamespaceBytes = 128;

    /// <summary>What the names of all keys begin with, in braces, so that a cluster keeps them together: <c>{brook}:s:orders</c>. Nodes that share a view share it; two views must not.
    /// In <see cref="RedisLayout.ElixirBrook"/> it is the Elixir application's <c>namespace</c>, as it is, and has to be set.</summary>
    /// <value>The default is the Brook instance's name: <c>brook</c>, unless it has one.</value>
    public string? Namespace { get; set; }

    /// <summary>The database of a server that has several; null: what the connection says.</summary>
    /// <value>The default is null.</value>
    public int? Database { get; set; }

    /// <summary>How often entries that have expired are removed where nothing is written. They are missing from their end on, whatever this is.</summary>
    /// <value>The default is one minute.</value>
    public TimeSpan SweepInterval { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How events are marked in logs; only in <see cref="RedisLayout.ElixirBrook"/>.</summary>
    /// <value>The default is <see cref="ElixirSerializer.BrookSerde"/>.</value>
    public ElixirSerializer ElixirSerializer { get; set; }

    /// <exception cref="BrookException">Something is out of range; all errors together.</exception>
    internal void Validate(string? space, RedisLayout layout = RedisLayout.Native)
    {
        var errors = new List<string>();
        if (layout == RedisLayout.ElixirBrook) ValidateElixir(space, errors);
        else if (string.IsNullOrWhiteSpace(space) || space.Any(c => c is '{' or '}' || char.IsControl(c) || char.IsWhiteSpace(c)) || Encoding.UTF8.GetByteCount(space) > MaxNamespaceBytes)
            errors.Add($"Namespace is '{space}'; it must have 1 to {MaxNamespaceBytes} bytes without braces, blanks and control characters.");
        if (Database < 0) errors.Add($"Database is {Database}; it must be 0 or more.");
        if (SweepInterval <= TimeSpan.Zero || SweepInterval > TimeSpan.FromDays(1)) errors.Add($"SweepInterval is {SweepInterval}; it must be more than 0, and a day at most.");
        if (errors.Count > 0) throw new BrookException($"The options of the Redis store are not valid:{string.Concat(errors.Select(error => $"\n  - {error}"))}");
    }

    private void ValidateElixir(string? space, List<string> errors)
    {
        if (string.IsNullOrWhiteSpace(space) || space.Any(char.IsControl) || Encoding.UTF8.GetByteCount(space) > MaxNamespaceBytes)
            errors.Add($"Namespace is '{space}'; in the Elixir layout it must be the namespace of the Elixir application, 1 to {MaxNamespaceBytes} bytes: UseRedis(..., options => options.Namespace = \"...\", RedisLayout.ElixirBrook).");
        if (!Enum.IsDefined(ElixirSerializer)) errors.Add($"ElixirSerializer is {ElixirSerializer}; it must be BrookSerde or JsonSerde.");
    }
}

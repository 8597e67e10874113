namespace Brook.TestServers;

/// <summary>The append-only file: whether there is one, and when it is flushed.</summary>
public enum AppendOnly
{
    /// <summary>Nothing survives the process.</summary>
    None,
    /// <summary>appendfsync everysec.</summary>
    EverySecond,
    /// <summary>appendfsync always.</summary>
    Always,
}

/// <summary>How a <see cref="RedisServer"/> is configured.</summary>
public sealed record RedisServerOptions
{
    /// <summary>The append-only file.</summary>
    public AppendOnly AppendOnly { get; init; }

    /// <summary>As in redis.conf: "10mb".</summary>
    public string? MaxMemory { get; init; }

    /// <summary>As in redis.conf: "noeviction", "allkeys-lru".</summary>
    public string? MaxMemoryPolicy { get; init; }

    /// <summary>Users, as after the word "user" in redis.conf: "reader on &gt;secret ~* +@read", "default off".</summary>
    public IReadOnlyList<string> UserAcl { get; init; } = [];

    /// <summary>The password of the default user.</summary>
    public string? RequirePass { get; init; }

    /// <summary>Listens with TLS as well, on <see cref="RedisServer.TlsPort"/>.</summary>
    public bool Tls { get; init; }

    /// <summary>A cluster of this node alone, with all slots.</summary>
    public bool ClusterEnabled { get; init; }

    /// <summary>The primary that it copies: a <see cref="RedisServer"/>, or a proxy before one.</summary>
    public (string Host, int Port)? ReplicaOf { get; init; }

    /// <summary>The number of databases; Redis has 16 by default.</summary>
    public int? Databases { get; init; }

    /// <summary>A socket file, in the directory of the server unless the path is a full one.</summary>
    public string? UnixSocket { get; init; }

    /// <summary>More arguments of the command line, which win over the others: "--maxclients", "5".</summary>
    public IReadOnlyList<string> ExtraArguments { get; init; } = [];

    /// <summary>Another program than the redis-server that was found.</summary>
    public string? Executable { get; init; }
}

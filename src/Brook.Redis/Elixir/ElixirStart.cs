using System.Text;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>What must be right before the first event, beyond what the native layout asks for: in a cluster one slot for all keys, and rights on the keys that Elixir has.</summary>
internal sealed class ElixirStart(RedisConnection connection, ElixirNames names, DataId data, RedisSignals signals, string space, ILogger logger)
{
    private readonly StartCheck _native = new(connection, names.Own, data, signals, space, logger);

    /// <inheritdoc cref="StartCheck.LookAgainAsync"/>
    public Task LookAgainAsync(CancellationToken cancellationToken) => _native.LookAgainAsync(cancellationToken);

    /// <exception cref="BrookException">Something is not right; transient when the server is away.</exception>
    public async ValueTask RunAsync(CancellationToken cancellationToken)
    {
        await connection.OpenAsync(cancellationToken).ConfigureAwait(false);
        if (!IsOneSlot(space) && await IsClusterAsync(cancellationToken).ConfigureAwait(false))
            throw new BrookException($"Redis at {connection.Endpoint} is a cluster, and the namespace '{space}' would spread over it: the Elixir layout needs all keys in one slot. Use a namespace with a hash tag in both applications, \"{{{space}}}\" for instance, or a server that is no cluster.");
        await _native.RunAsync(cancellationToken).ConfigureAwait(false);
        await CheckRightsAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A cluster goes by what stands between the first brace and the next closing one.</summary>
    private static bool IsOneSlot(string space) => space.IndexOf('{', StringComparison.Ordinal) is >= 0 and var open && space.IndexOf('}', open) > open + 1;

    /// <summary>What the connection found out: INFO is for administrators only.</summary>
    private async ValueTask<bool> IsClusterAsync(CancellationToken cancellationToken)
    {
        await connection.AskAsync(database => database.PingAsync(), cancellationToken).ConfigureAwait(false);
        return connection.Database.Multiplexer.GetServers().Any(server => server.ServerType == ServerType.Cluster);
    }

    private async ValueTask CheckRightsAsync(CancellationToken cancellationToken)
    {
        RedisKey Key(string kind) => Encoding.UTF8.GetBytes($"{kind}$probe:x");
        var denied = (string?[]?)await connection.RunAsync(Script.ElixirProbe, [Key(names.States), Key(names.Events)], [], cancellationToken).ConfigureAwait(false) ?? [];
        RedisFailure.ThrowIfDenied(denied, names.Prefix, connection.Endpoint, $"{names.Prefix}*");
    }
}

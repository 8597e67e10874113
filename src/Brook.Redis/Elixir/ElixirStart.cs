using System.Text;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>What must be right before the first event, beyond what the native layout asks for: in a cluster one slot for all keys, and rights on the keys that Elixir has.</summary>
internal sealed class ElixirStart(RedisConnection connection, ElixirNames names, string space, ILogger logger)
{
    private readonly StartCheck _native = new(connection, names.Own, space, logger);

    /// <summary>Gives the data's id.</summary>
    /// <exception cref="BrookException">Something is not right; transient when the server is away.</exception>
    public async ValueTask<RedisValue> RunAsync(CancellationToken cancellationToken)
    {
        await connection.OpenAsync(cancellationToken).ConfigureAwait(false);
        if (!IsOneSlot(space) && await IsClusterAsync(cancellationToken).ConfigureAwait(false))
            throw new BrookException($"Redis at {connection.Endpoint} is a cluster, and the namespace '{space}' would spread over it: the Elixir layout needs all keys in one slot. Use a namespace with a hash tag in both applications, \"{{{space}}}\" for instance, or a server that is no cluster.");
        var id = await _native.RunAsync(cancellationToken).ConfigureAwait(false);
        await CheckRightsAsync(cancellationToken).ConfigureAwait(false);
        return id;
    }

    /// <summary>A cluster goes by what stands between the first brace and the next closing one.</summary>
    private static bool IsOneSlot(string space) => space.IndexOf('{', StringComparison.Ordinal) is >= 0 and var open && space.IndexOf('}', open) > open + 1;

    /// <summary>False when the user may not ask: then the first commit says it.</summary>
    private async ValueTask<bool> IsClusterAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var reply = await connection.ExecuteAsync("INFO", new RedisKeyOrValue[] { (RedisValue)"cluster" }, cancellationToken).ConfigureAwait(false);
            return (reply.ReadScalar().ReadString() ?? "").Contains("cluster_enabled:1", StringComparison.Ordinal);
        }
        catch (BrookException e) when (!e.IsTransient)
        {
            return false;
        }
    }

    private async ValueTask CheckRightsAsync(CancellationToken cancellationToken)
    {
        RedisKey Key(string kind) => Encoding.UTF8.GetBytes($"{kind}$probe:x");
        var denied = (string?[]?)await connection.RunAsync(Script.ElixirProbe, [Key(names.States), Key(names.Events)], [], cancellationToken).ConfigureAwait(false) ?? [];
        if (denied.Length == 0) return;
        var commands = denied.Where((_, i) => i % 2 == 0).OfType<string>().Distinct().ToArray();
        throw new BrookException($"Redis at {connection.Endpoint} does not allow this user {string.Join(", ", commands)} on {names.Prefix}* ({denied[1]}). Grant it: ACL SETUSER <user> ~{names.Prefix}* {string.Join(' ', commands.Select(command => $"+{command.ToLowerInvariant()}"))}");
    }
}

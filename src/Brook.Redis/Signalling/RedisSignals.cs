using System.Collections.Concurrent;
using Brook.Storage;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>
/// Tells who waits of commits that others make: the commit's script publishes on a channel for each entry of <c>$lanes</c> that it writes, and who watches one subscribes to its channel. In a cluster
/// the channels are sharded ones, which stay with the view's slot.
/// </summary>
internal sealed class RedisSignals(RedisConnection connection, RedisNames names, string space, ILogger logger)
{
    private readonly ConcurrentDictionary<Watch, bool> _watches = new();

    /// <summary>What the script calls: PUBLISH or SPUBLISH; empty: this user may not.</summary>
    public RedisValue Command { get; private set; } = "";

    /// <summary>At the start, with what the server says of itself.</summary>
    public async ValueTask OpenAsync(Dictionary<string, string> about, CancellationToken cancellationToken)
    {
        var refused = "";
        foreach (var command in (string[])(about.GetValueOrDefault("cluster_enabled") == "1" ? ["SPUBLISH", "PUBLISH"] : ["PUBLISH"]))
        {
            refused = (string?)await connection.RunAsync(Script.MayPublish, [names.Probe], [command, names.ChannelOf("$probe")], cancellationToken).ConfigureAwait(false) ?? "";
            if (refused.Length > 0) continue;
            Command = command;
            return;
        }
        Command = "";
        Log.MayNotPublish(logger, connection.Endpoint, refused, names.Prefix, space);
    }

    /// <exception cref="BrookException">The server cannot be reached, or refuses.</exception>
    public async ValueTask<IAsyncDisposable?> WatchAsync(EntryKey entry, Action changed, CancellationToken cancellationToken)
    {
        if (connection.HasChannelPrefix) return null;           // the connection's channels have other names than those of the script
        var watch = new Watch(this, Command == "SPUBLISH" ? RedisChannel.Sharded(names.ChannelOf(entry.Key)) : RedisChannel.Literal(names.ChannelOf(entry.Key)), changed);
        _watches[watch] = true;
        try { await connection.SubscribeAsync(watch.Channel, watch.OnMessage, cancellationToken).ConfigureAwait(false); }
        catch
        {
            await watch.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        return watch;
    }

    /// <summary>The connection was lost and is back, and with it the subscriptions: what was published meanwhile was not heard.</summary>
    public void MayHaveMissed()
    {
        foreach (var watch in _watches.Keys) watch.Changed();
    }

    private void Unsubscribe(Watch watch)
    {
        _watches.TryRemove(watch, out _);
        connection.Unsubscribe(watch.Channel, watch.OnMessage);
    }

    private sealed class Watch(RedisSignals signals, RedisChannel channel, Action changed) : IAsyncDisposable
    {
        public RedisChannel Channel => channel;

        public Action Changed => changed;

        public void OnMessage(RedisChannel from, RedisValue message) => changed();

        public ValueTask DisposeAsync()
        {
            signals.Unsubscribe(this);
            return default;
        }
    }
}

using Brook.Signals;
using Brook.Storage;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Brook.Postgres;

/// <summary>
/// Tells who waits of commits of other processes. NOTIFY makes the commits of a whole database wait for each other, so a commit notifies only while somebody waits for its lane: that is a shared
/// advisory lock on a connection of our own, which listens. Who has got the lock knows that every commit from then on notifies, and sees all before. The server takes the lock back when the connection
/// is lost. The connection is there while somebody watches.
/// </summary>
internal sealed class PostgresSignals(PostgresConnection connection, string schema, ILogger logger) : IAsyncDisposable
{
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(1), s_isItThere = TimeSpan.FromSeconds(30);
    private readonly EntryWatches _watches = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<string, WatchedLane> _lanes = [];           // by their names as the database has them
    private CancellationTokenSource _woken = new();
    private Task _listening = Task.CompletedTask;
    private bool _listens, _stopped;
    private volatile bool _impossible;

    /// <exception cref="BrookException">The server cannot be reached, or refuses.</exception>
    public async ValueTask<IAsyncDisposable?> WatchAsync(EntryKey entry, Action changed, CancellationToken cancellationToken)
    {
        if (_impossible || !connection.HasRoomToListen) return null;
        var (name, listens) = (Names.Escape(entry.Key), false);
        var lane = Hold(name);
        var watch = new Watch(_watches.Add(entry, changed), () => Release(name, lane));
        try { return (listens = await lane.IsHeld.Task.WaitAsync(cancellationToken).ConfigureAwait(false)) ? watch : null; }
        finally { if (!listens) await watch.DisposeAsync().ConfigureAwait(false); }
    }

    public async ValueTask DisposeAsync()
    {
        lock (_lock) _stopped = true;
        Wake();
        await _listening.ConfigureAwait(false);
    }

    private WatchedLane Hold(string name)
    {
        WatchedLane lane;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_stopped, typeof(PostgresViewStore));
            if (!_lanes.TryGetValue(name, out lane!) || lane.IsHeld.Task.IsFaulted) _lanes[name] = lane = new WatchedLane();
            lane.Watches++;
            if (!_listens) (_listens, _listening) = (true, Task.Run(ListenAsync));
        }
        Wake();
        return lane;
    }

    private void Release(string name, WatchedLane lane)
    {
        lock (_lock)
        {
            if (--lane.Watches > 0 || _lanes.GetValueOrDefault(name) != lane) return;
            _lanes.Remove(name);
        }
        Wake();
    }

    private void Wake()
    {
        CancellationTokenSource woken;
        lock (_lock) woken = _woken;
        woken.Cancel();
    }

    /// <summary>What happens from now on cancels it.</summary>
    private CancellationToken Renew()
    {
        lock (_lock) return (_woken = new()).Token;
    }

    /// <summary>Until nobody watches any more. A connection that is lost is made again.</summary>
    private async Task ListenAsync()
    {
        for (var goOn = true; goOn;)
        {
            try
            {
                await connection.UseAsync(ListenAsync, CancellationToken.None).ConfigureAwait(false);
                goOn = !IsOver();
            }
            catch (BrookException e)
            {
                Log.NotListening(logger, schema, e.Message);
                goOn = !IsOver(e);
                if (goOn) await Task.Delay(s_again, TimeProvider.System, Renew()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async ValueTask<bool> ListenAsync(NpgsqlConnection open)
    {
        if (_impossible = !await IsOurSessionAsync(open).ConfigureAwait(false))
        {
            Log.Pooled(logger, schema, connection.Endpoint);
            return false;
        }
        void OnNotified(object sender, NpgsqlNotificationEventArgs told) => _watches.Changed(new("$lanes", Names.Unescape(told.Payload)));
        open.Notification += OnNotified;
        try
        {
            await RunAsync(open, SignalSql.Listen(schema)).ConfigureAwait(false);
            var held = new Dictionary<string, WatchedLane>();
            for (var woken = Renew(); await HoldAsync(open, held).ConfigureAwait(false); woken = Renew())
            {
                try
                {
                    if (!await open.WaitAsync(s_isItThere, woken).ConfigureAwait(false)) await RunAsync(open, SignalSql.Session).ConfigureAwait(false);
                }
                catch (OperationCanceledException) when (woken.IsCancellationRequested) { continue; }
            }
            await RunAsync(open, SignalSql.End).ConfigureAwait(false);
            return true;
        }
        finally { open.Notification -= OnNotified; }
    }

    /// <summary>Takes and gives back locks, as lanes are watched; false: none is.</summary>
    private async ValueTask<bool> HoldAsync(NpgsqlConnection open, Dictionary<string, WatchedLane> held)
    {
        Dictionary<string, WatchedLane> wanted;
        lock (_lock) wanted = _stopped ? [] : new(_lanes);
        foreach (var (name, lane) in wanted)
        {
            if (held.GetValueOrDefault(name) == lane) continue;
            if (!held.ContainsKey(name)) await RunAsync(open, SignalSql.Lock, SignalSql.LockOf(schema) + name).ConfigureAwait(false);
            held[name] = lane;
            if (!lane.IsHeld.TrySetResult(true)) _watches.Changed(new("$lanes", Names.Unescape(name)));     // it was held before, and the connection lost since
        }
        if (wanted.Count == 0) return false;                    // all are given back together
        foreach (var name in held.Keys.Except(wanted.Keys).ToList())
        {
            await RunAsync(open, SignalSql.Unlock, SignalSql.LockOf(schema) + name).ConfigureAwait(false);
            held.Remove(name);
        }
        return true;
    }

    private bool IsOver(BrookException? failure = null)
    {
        lock (_lock)
        {
            foreach (var lane in _lanes.Values)
                if (failure is not null) lane.IsHeld.TrySetException(failure);
                else if (_impossible) lane.IsHeld.TrySetResult(false);
            if (_lanes.Count > 0 && !_stopped && !_impossible) return false;
            _listens = false;
            return true;
        }
    }

    /// <summary>A pooler gives out numbers of its own: what is set on a session would be set on somebody else's.</summary>
    private static async ValueTask<bool> IsOurSessionAsync(NpgsqlConnection open)
    {
        var command = new NpgsqlCommand(SignalSql.Session, open);
        await using (command.ConfigureAwait(false)) return (int)(await command.ExecuteScalarAsync().ConfigureAwait(false))! == open.ProcessID;
    }

    private static async ValueTask RunAsync(NpgsqlConnection open, string sql, params object[] values)
    {
        var command = new NpgsqlCommand(sql, open);
        foreach (var value in values) command.Parameters.Add(new() { Value = value });
        await using (command.ConfigureAwait(false)) await command.ExecuteNonQueryAsync().ConfigureAwait(false);
    }

    private sealed class WatchedLane
    {
        public int Watches { get; set; }

        /// <summary>Every commit from now on is told; false: none ever is.</summary>
        public TaskCompletionSource<bool> IsHeld { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class Watch(IAsyncDisposable watch, Action ended) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await watch.DisposeAsync().ConfigureAwait(false);
            ended();
        }
    }
}

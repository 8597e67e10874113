using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>The connection to the server: made once, when it is first needed. StackExchange.Redis keeps it and makes it again when it is lost.</summary>
internal sealed class RedisConnection(Func<Task<IConnectionMultiplexer>> connect, bool owned, int? database, string endpoint, string? user = null) : IAsyncDisposable
{
    // Nothing is repeated behind our back: a commit whose answer got lost is looked up first.
    private const CommandFlags Once = CommandFlags.CommandRetryNever;
    private const int ScannedAtOnce = 1000;
    private readonly SemaphoreSlim _connecting = new(1);
    private IConnectionMultiplexer? _multiplexer;
    private Task<IConnectionMultiplexer>? _attempt;      // goes on when who asked for it does not wait: the next one takes it
    private IDatabase? _database;

    /// <summary>Where the server is, without credentials.</summary>
    public string Endpoint { get; private set; } = endpoint;

    /// <summary>The user that the configuration names; null: none, or not known.</summary>
    public string? User => user;

    /// <summary>The application's connection puts something before the names of channels.</summary>
    public bool HasChannelPrefix { get; private set; }

    /// <summary>Called when subscriptions that were lost are there again. Must not throw.</summary>
    public Action? Resubscribed { get; set; }

    /// <summary>Called when the connection is lost. Must not throw.</summary>
    public Action? Failed { get; set; }

    /// <summary>Called when a connection that was lost is there again. Must not throw.</summary>
    public Func<Task>? Restored { get; set; }

    public IDatabase Database => _database ?? throw new InvalidOperationException("The store was not started: call StartAsync first.");

    /// <summary>Connects, once.</summary>
    /// <exception cref="BrookException">The server cannot be reached (transient), or does not accept us.</exception>
    public async ValueTask OpenAsync(CancellationToken cancellationToken)
    {
        await _connecting.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_multiplexer is null)
            {
                if (_attempt is null or { IsCompleted: true, IsCompletedSuccessfully: false }) _attempt = connect();
                _multiplexer = await _attempt.WaitAsync(cancellationToken).ConfigureAwait(false);
                Endpoint = Show(_multiplexer.GetEndPoints());
                _database = _multiplexer.GetDatabase(database ?? -1);
                HasChannelPrefix = !owned && _multiplexer.Configuration.Contains("channelPrefix=", StringComparison.OrdinalIgnoreCase);
                _multiplexer.ConnectionFailed += OnFailed;
                _multiplexer.ConnectionRestored += OnRestored;
            }
            if (!_multiplexer.IsConnected) throw RedisFailure.Unreachable(Endpoint, null);
        }
        catch (Exception e) when (RedisFailure.Of(e, Endpoint) is { } failure)
        {
            throw failure;
        }
        finally
        {
            _connecting.Release();
        }
    }

    /// <summary>A command with these arguments. They are written out before this returns: their memory is the caller's again.</summary>
    /// <exception cref="BrookException">It failed.</exception>
    public async ValueTask<RespResult> ExecuteAsync(string command, ReadOnlyMemory<RedisKeyOrValue> arguments, CancellationToken cancellationToken)
    {
        try { return await Database.ExecuteRespAsync(command, arguments, Once).WaitAsync(cancellationToken).ConfigureAwait(false); }
        catch (Exception e) when (RedisFailure.Of(e, Endpoint) is { } failure) { throw failure; }
    }

    /// <summary>Any other question.</summary>
    /// <exception cref="BrookException">It failed.</exception>
    public async ValueTask<T> AskAsync<T>(Func<IDatabase, Task<T>> ask, CancellationToken cancellationToken)
    {
        try { return await ask(Database).WaitAsync(cancellationToken).ConfigureAwait(false); }
        catch (Exception e) when (RedisFailure.Of(e, Endpoint) is { } failure) { throw failure; }
    }

    /// <summary>Runs a script; one that the server does not have (it was restarted, or its scripts were flushed) is sent whole. The arguments begin with the place of the script's hash.</summary>
    /// <exception cref="BrookException">It failed.</exception>
    public async ValueTask<RespResult> RunAsync(Script script, Memory<RedisKeyOrValue> arguments, CancellationToken cancellationToken)
    {
        arguments.Span[0] = script.Hash;
        try
        {
            return await Database.ExecuteRespAsync("EVALSHA", arguments, Once).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (RedisServerException e) when (e.Message.StartsWith("NOSCRIPT", StringComparison.Ordinal))
        {
            arguments.Span[0] = script.Text;
            return await ExecuteAsync("EVAL", arguments, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (RedisFailure.Of(e, Endpoint) is { } failure)
        {
            throw failure;
        }
    }

    /// <summary>Runs a script with few arguments.</summary>
    public async ValueTask<RedisResult> RunAsync(Script script, RedisKey[] keys, RedisValue[] values, CancellationToken cancellationToken)
    {
        var arguments = new RedisKeyOrValue[2 + keys.Length + values.Length];
        arguments[1] = (RedisValue)keys.Length;
        for (var i = 0; i < keys.Length; i++) arguments[2 + i] = keys[i];
        for (var i = 0; i < values.Length; i++) arguments[2 + keys.Length + i] = values[i];
        using var reply = await RunAsync(script, arguments, cancellationToken).ConfigureAwait(false);
        return reply.Read().ReadRedisResult();
    }

    /// <summary>Strings, fields of hashes (one behind the other) and whole lists at one moment: no commit is seen in part.</summary>
    public async ValueTask<(RedisValue[] Strings, RedisValue[] Rows, RedisResult[] Lists)> FetchAsync(RedisKey[] strings, (RedisKey Hash, RedisValue[] Fields)[] hashes, RedisKey[] lists, CancellationToken cancellationToken)
    {
        var found = (RedisResult[])(await RunAsync(
            Script.Read,
            [.. strings, .. hashes.Select(hash => hash.Hash), .. lists],
            [strings.Length, hashes.Length, .. hashes.SelectMany(hash => hash.Fields.Prepend(hash.Fields.Length))], cancellationToken).ConfigureAwait(false))!;
        return ((RedisValue[])found[0]!, (RedisValue[])found[1]!, (RedisResult[])found[2]!);
    }

    public static string Show(IEnumerable<EndPoint> endpoints)
        => string.Join(", ", endpoints.Select(endpoint => endpoint is DnsEndPoint dns ? string.Create(CultureInfo.InvariantCulture, $"{dns.Host}:{dns.Port}") : endpoint.ToString()));

    /// <summary>The names of all keys that begin with this text, some perhaps twice. It takes the server no longer than a millisecond at a time.</summary>
    /// <param name="beginning">What they begin with, taken literally.</param>
    /// <param name="own">One of the view's keys: in a cluster it says which server has them.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="BrookException">It failed.</exception>
    public async IAsyncEnumerable<string> ScanAsync(string beginning, RedisKey own, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var node = await AskAsync(database => database.IdentifyEndpointAsync(own, CommandFlags.DemandMaster), cancellationToken).ConfigureAwait(false)
            ?? throw RedisFailure.Unreachable(Endpoint, null);
        var scan = Database.Multiplexer.GetServer(node).KeysAsync(Database.Database, Pattern(beginning), ScannedAtOnce).GetAsyncEnumerator(cancellationToken);
        await using (scan.ConfigureAwait(false))
            while (await AskAsync(_ => scan.MoveNextAsync().AsTask(), cancellationToken).ConfigureAwait(false))
                if ((string?)scan.Current is { } name && name.StartsWith(beginning, StringComparison.Ordinal)) yield return name;
    }

    /// <summary>A pattern for what begins with this text, taken literally.</summary>
    private static string Pattern(string text)
    {
        var pattern = new StringBuilder(text.Length + 8);
        foreach (var c in text) pattern.Append(c is '*' or '?' or '[' or ']' or '\\' ? $"\\{c}" : c.ToString());
        return pattern.Append('*').ToString();
    }

    /// <summary>Calls for every message of the channel, in order, until it is unsubscribed; also after the connection was lost and made again.</summary>
    /// <exception cref="BrookException">It failed.</exception>
    public async ValueTask SubscribeAsync(RedisChannel channel, Action<RedisChannel, RedisValue> told, CancellationToken cancellationToken)
    {
        try { await Database.Multiplexer.GetSubscriber().SubscribeAsync(channel, told).WaitAsync(cancellationToken).ConfigureAwait(false); }
        catch (Exception e) when (RedisFailure.Of(e, Endpoint) is { } failure) { throw failure; }
    }

    /// <summary>Nobody waits for it: who is told once more does not mind.</summary>
    public void Unsubscribe(RedisChannel channel, Action<RedisChannel, RedisValue> told)
    {
        try { _ = _database?.Multiplexer.GetSubscriber().UnsubscribeAsync(channel, told, CommandFlags.FireAndForget); }
        catch (ObjectDisposedException) { return; }             // and with the connection the subscription
    }

    private void OnFailed(object? sender, ConnectionFailedEventArgs failed)
    {
        if (failed.ConnectionType == ConnectionType.Interactive) Failed?.Invoke();
    }

    private void OnRestored(object? sender, ConnectionFailedEventArgs restored)
    {
        Resubscribed?.Invoke();                                 // with RESP3 there is one connection for both
        if (restored.ConnectionType == ConnectionType.Interactive && Restored is { } restoredAsync) _ = restoredAsync();
    }

    /// <summary>An attempt that is still under way is not waited for: its connection is closed when there is one.</summary>
    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _attempt, null) is not { } attempt) return default;
        var ending = EndAsync(attempt);
        return attempt.IsCompleted ? new(ending) : default;
    }

    private async Task EndAsync(Task<IConnectionMultiplexer> attempt)
    {
        await ((Task)attempt).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!attempt.IsCompletedSuccessfully) return;           // it was never made
        var multiplexer = await attempt.ConfigureAwait(false);
        multiplexer.ConnectionFailed -= OnFailed;
        multiplexer.ConnectionRestored -= OnRestored;
        if (owned) await multiplexer.DisposeAsync().ConfigureAwait(false);
    }
}

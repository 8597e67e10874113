using System.Globalization;
using System.Net;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>The connection to the server: made once, when it is first needed. StackExchange.Redis keeps it and makes it again when it is lost.</summary>
internal sealed class RedisConnection(Func<Task<IConnectionMultiplexer>> connect, bool owned, int? database, string endpoint, string? user = null) : IAsyncDisposable
{
    // Nothing is repeated behind our back: a commit whose answer got lost is looked up first.
    private const CommandFlags Once = CommandFlags.CommandRetryNever;
    private readonly SemaphoreSlim _connecting = new(1);
    private IConnectionMultiplexer? _multiplexer;
    private IDatabase? _database;

    /// <summary>Where the server is, without credentials.</summary>
    public string Endpoint { get; private set; } = endpoint;

    /// <summary>The user that the configuration names; null: none, or not known.</summary>
    public string? User => user;

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
                _multiplexer = await connect().WaitAsync(cancellationToken).ConfigureAwait(false);
                Endpoint = Show(_multiplexer.GetEndPoints());
                _database = _multiplexer.GetDatabase(database ?? -1);
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

    public static string Show(IEnumerable<EndPoint> endpoints)
        => string.Join(", ", endpoints.Select(endpoint => endpoint is DnsEndPoint dns ? string.Create(CultureInfo.InvariantCulture, $"{dns.Host}:{dns.Port}") : endpoint.ToString()));

    private void OnRestored(object? sender, ConnectionFailedEventArgs restored)
    {
        if (restored.ConnectionType == ConnectionType.Interactive && Restored is { } restoredAsync) _ = restoredAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_multiplexer is not null) _multiplexer.ConnectionRestored -= OnRestored;
        if (owned && _multiplexer is not null) await _multiplexer.DisposeAsync().ConfigureAwait(false);
        _connecting.Dispose();
    }
}

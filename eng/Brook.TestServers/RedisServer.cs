using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace Brook.TestServers;

/// <summary>A real redis-server of its own: on a free loopback port, in a directory that goes with it.</summary>
public sealed class RedisServer : IAsyncDisposable
{
    private const int Attempts = 5;
    private static readonly TimeSpan s_answerDeadline = TimeSpan.FromSeconds(10), s_loadDeadline = TimeSpan.FromSeconds(60), s_commandDeadline = TimeSpan.FromSeconds(10);

    // The fixture has a user of its own, so that it gets in whatever a test does to the default user. The same one everywhere: replicas use it.
    private const string User = "fixture", Password = "fixture-password";
    private static readonly string? s_executable = Servers.Find("redis-server");

    private readonly RedisServerOptions _options;
    private readonly ServerProcess _process;
    private int _clusterPort;

    private RedisServer(RedisServerOptions options)
    {
        (_options, Directory) = (options, System.IO.Directory.CreateTempSubdirectory("brook-redis-").FullName);
        _process = new(Directory);
        if (options.Tls) CaCertificate = Certificates.Create(Directory);
    }

    /// <summary>Whether <see cref="StartAsync(RedisServerOptions?, CancellationToken)"/> can work on this machine.</summary>
    public static bool IsInstalled => WhyNot is null;

    /// <summary>Null when a usable redis-server was found; otherwise what is missing. For <see cref="Servers.SkipReason(string?)"/>.</summary>
    public static string? WhyNot { get; } = s_executable is null
        ? "redis-server is not installed: apt-get install redis-server"
        : TooOld(Version(s_executable));

    /// <summary>The loopback address.</summary>
    public string Host { get; } = "127.0.0.1";

    /// <summary>The port without TLS.</summary>
    public int Port { get; private set; }

    /// <summary>The port with TLS; 0 when there is none.</summary>
    public int TlsPort { get; private set; }

    /// <summary>host:port, without TLS, user and password.</summary>
    public string ConnectionString => $"{Host}:{Port}";

    /// <summary>The socket file; null when there is none.</summary>
    public string? UnixSocketPath => _options.UnixSocket is { } path ? Path.Combine(Directory, path) : null;

    /// <summary>The authority that signed the certificate for localhost and 127.0.0.1; null without TLS.</summary>
    public X509Certificate2? CaCertificate { get; }

    /// <summary>Where its files are, until it is disposed.</summary>
    public string Directory { get; }

    /// <summary>The process id of the last start.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Whether the process is there (it may be paused).</summary>
    public bool IsRunning => _process.IsRunning;

    /// <summary>Processor time, user and system, since the last start.</summary>
    public TimeSpan CpuTime => _process.CpuTime;

    /// <summary>Starts a server and waits until it answers.</summary>
    /// <exception cref="InvalidOperationException">There is no redis-server, or it ended or did not answer in time: with the end of its log.</exception>
    public static Task<RedisServer> StartAsync(RedisServerOptions? options = null, CancellationToken cancellationToken = default)
        => StartAsync(options ?? new(), FreePort.Next, cancellationToken);

    internal static async Task<RedisServer> StartAsync(RedisServerOptions options, Func<int> nextPort, CancellationToken cancellationToken)
    {
        if (options.Executable is null && WhyNot is { } reason) throw new InvalidOperationException(reason);
        var server = new RedisServer(options);
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                (server.Port, server.TlsPort, server._clusterPort) = (nextPort(), options.Tls ? nextPort() : 0, options.ClusterEnabled ? nextPort() : 0);
                await File.WriteAllLinesAsync(Path.Combine(server.Directory, "redis.conf"), server.Configuration(), cancellationToken);
                if (await server.TryRunAsync(attempt == Attempts, cancellationToken)) break;
            }
            if (options.ClusterEnabled) await server.CommandAsync(["CLUSTER", "ADDSLOTSRANGE", "0", "16383"], cancellationToken);
            await server.ClusterReadyAsync(cancellationToken);
            return server;
        }
        catch { await server.DisposeAsync(); throw; }
    }

    /// <summary>Starts it again on its port and with its files, after <see cref="StopAsync"/> when it still runs; waits until all data is loaded.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken = default)
    {
        if (IsRunning) await StopAsync();
        for (var attempt = 1; !await TryRunAsync(attempt == Attempts, cancellationToken); attempt++) await Task.Delay(100 * attempt, cancellationToken);
        await ClusterReadyAsync(cancellationToken);
    }

    /// <summary>kill -9, and waits until it has ended.</summary>
    public Task KillAsync() => _process.KillAsync();

    /// <summary>SIGTERM: it flushes its append-only file and ends.</summary>
    public Task StopAsync() => _process.StopAsync();

    /// <summary>SIGSTOP: connections stay open, the system takes new ones, nothing is answered.</summary>
    public Task PauseAsync() => _process.PauseAsync();

    /// <summary>SIGCONT, and waits until it answers.</summary>
    public async Task ResumeAsync()
    {
        _process.Resume();
        await AnswersAsync(CancellationToken.None);
    }

    /// <summary>Cuts bytes off the end of the newest append-only file, as a crash of the machine would; the server has to be stopped.</summary>
    /// <returns>The bytes that were cut off: all, when there were fewer.</returns>
    public long TruncateAppendOnlyFile(long bytes) => Truncate(length => bytes);

    /// <summary>Cuts this part (0 to 1) off the end of the newest append-only file; the server has to be stopped.</summary>
    /// <inheritdoc cref="TruncateAppendOnlyFile(long)"/>
    public long TruncateAppendOnlyFile(double fraction) => Truncate(length => (long)Math.Ceiling(length * fraction));

    /// <summary>A command on a connection of its own, as a user who may do everything.</summary>
    /// <returns>string, long, null or object?[]; an error within an array is a <see cref="RedisErrorException"/> there.</returns>
    /// <exception cref="RedisErrorException">The server answered with an error.</exception>
    /// <exception cref="TimeoutException">There was no answer within 10 s.</exception>
    public async Task<object?> CommandAsync(params string[] args)
    {
        using var deadline = new CancellationTokenSource(s_commandDeadline);
        try { return await CommandAsync(args, deadline.Token); }
        catch (OperationCanceledException e) { throw new TimeoutException($"{args[0]} was not answered by {ConnectionString} within {s_commandDeadline.TotalSeconds} s.", e); }
    }

    /// <summary>INFO of a section ("everything" for all) by names.</summary>
    public async Task<IReadOnlyDictionary<string, string>> InfoAsync(string section = "everything") => Parse(await CommandAsync("INFO", section));

    /// <summary>Waits until this replica has the copy of its primary and follows it.</summary>
    public Task InSyncAsync(CancellationToken cancellationToken = default)
        => UntilAsync(info => info.GetValueOrDefault("master_link_status") == "up" && info.GetValueOrDefault("master_sync_in_progress") == "0", "in sync with its primary", cancellationToken);

    /// <summary>The last lines of its log since the last start.</summary>
    public string LogTail(int lines = 20) => _process.LogTail(lines);

    /// <summary>Kills the process and deletes the directory.</summary>
    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        CaCertificate?.Dispose();
        if (System.IO.Directory.Exists(Directory)) System.IO.Directory.Delete(Directory, recursive: true);
    }

    private IEnumerable<string> Configuration()
    {
        yield return $"""
            bind 127.0.0.1
            port {Port}
            daemonize no
            dir "{Directory}"
            save ""
            enable-debug-command yes
            repl-diskless-sync-delay 0
            masteruser {User}
            masterauth {Password}
            user {User} on >{Password} ~* &* +@all
            appendonly {(_options.AppendOnly == AppendOnly.None ? "no" : "yes")}
            appendfsync {(_options.AppendOnly == AppendOnly.Always ? "always" : "everysec")}
            auto-aof-rewrite-percentage 0
            """;
        if (_options.MaxMemory is { } memory) yield return $"maxmemory {memory}";
        if (_options.MaxMemoryPolicy is { } policy) yield return $"maxmemory-policy {policy}";
        if (_options.RequirePass is { } password) yield return $"requirepass \"{password}\"";
        foreach (var user in _options.UserAcl) yield return $"user {user}";
        if (_options.Databases is { } databases) yield return $"databases {databases}";
        if (_options.ReplicaOf is { } primary) yield return $"replicaof {primary.Host} {primary.Port}";
        if (UnixSocketPath is { } socket) yield return $"unixsocket \"{socket}\"";
        if (_options.ClusterEnabled) yield return $"cluster-enabled yes\ncluster-config-file nodes.conf\ncluster-port {_clusterPort}";
        if (_options.Tls) yield return $"tls-port {TlsPort}\ntls-cert-file {Certificates.Server}\ntls-key-file {Certificates.ServerKey}\ntls-ca-cert-file {Certificates.Authority}\ntls-auth-clients no";
    }

    // False when it ended because something else has the port, unless this is the last attempt.
    private async Task<bool> TryRunAsync(bool isLast, CancellationToken cancellationToken)
    {
        await _process.StartAsync(new(_options.Executable ?? s_executable!, [Path.Combine(Directory, "redis.conf"), .. _options.ExtraArguments]));
        try
        {
            await AnswersAsync(cancellationToken);
            return true;
        }
        catch (InvalidOperationException) when (!isLast && !IsRunning && LogTail().Contains("Address already in use", StringComparison.Ordinal)) { return false; }
    }

    // What answers has to be our process: another server may have been faster to take the port, and ours is about to end then.
    private Task AnswersAsync(CancellationToken cancellationToken)
        => UntilAsync(info => info["process_id"] == ProcessId.ToString(CultureInfo.InvariantCulture) && info["loading"] == "0", "answering", cancellationToken);

    private Task ClusterReadyAsync(CancellationToken cancellationToken) => _options.ClusterEnabled
        ? UntilAsync(async token => Parse(await CommandAsync(["CLUSTER", "INFO"], token))["cluster_state"] == "ok", "a cluster that is ok", cancellationToken)
        : Task.CompletedTask;

    private Task UntilAsync(Predicate<IReadOnlyDictionary<string, string>> condition, string what, CancellationToken cancellationToken)
        => UntilAsync(async token => condition(Parse(await CommandAsync(["INFO", "everything"], token))), what, cancellationToken);

    private async Task UntilAsync(Func<CancellationToken, Task<bool>> condition, string what, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var answered = false;
        for (Exception? last = null; ; await Task.Delay(5, cancellationToken))
        {
            if (!IsRunning) throw new InvalidOperationException($"redis-server ended with code {_process.ExitCode} instead of being {what}. The end of its log:\n{LogTail()}", last);
            var deadline = answered ? s_loadDeadline : s_answerDeadline;
            if (Stopwatch.GetElapsedTime(started) is var elapsed && elapsed > deadline)
                throw new InvalidOperationException($"redis-server on {ConnectionString} was not {what} within {deadline.TotalSeconds} s. The end of its log:\n{LogTail()}", last);
            using var attempt = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _process.Ended);
            attempt.CancelAfter(deadline - elapsed);
            try
            {
                if (await condition(attempt.Token)) return;
                answered = true;        // it is loading, or copying
            }
            catch (Exception e) when (e is SocketException or IOException or RedisErrorException || e is OperationCanceledException && !cancellationToken.IsCancellationRequested) { last = e; }
        }
    }

    private async Task<object?> CommandAsync(string[] args, CancellationToken cancellationToken)
    {
        using var connection = await RedisConnection.ConnectAsync(Host, Port, cancellationToken);
        await connection.CommandAsync(["AUTH", User, Password], cancellationToken);
        return await connection.CommandAsync(args, cancellationToken);
    }

    private static Dictionary<string, string> Parse(object? info) => ((string)info!).Split("\r\n")
        .Where(line => !line.StartsWith('#')).Select(line => line.Split(':', 2)).Where(pair => pair.Length == 2).DistinctBy(pair => pair[0])
        .ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);

    // Redis 7 has several: a base, and appendonly.aof.N.incr.aof of which the one with the highest number is written.
    private long Truncate(Func<long, long> bytes)
    {
        if (IsRunning) throw new InvalidOperationException("The append-only file can be cut only while the server is stopped.");
        var folder = new DirectoryInfo(Path.Combine(Directory, "appendonlydir"));
        var newest = (folder.Exists ? folder.GetFiles("*.incr.aof") : []).MaxBy(file => int.Parse(file.Name.Split('.')[^3], CultureInfo.InvariantCulture))
            ?? throw new InvalidOperationException($"There is no append-only file in {folder.FullName}: the server was started with AppendOnly = {_options.AppendOnly}.");
        using var stream = newest.Open(FileMode.Open);
        var cut = Math.Clamp(bytes(stream.Length), 0, stream.Length);
        stream.SetLength(stream.Length - cut);
        return cut;
    }

    private static Version? Version(string executable)
    {
        using var process = Process.Start(new ProcessStartInfo(executable, "--version") { RedirectStandardOutput = true })!;
        var words = process.StandardOutput.ReadToEnd().Split(' ');      // Redis server v=7.0.15 sha=...
        process.WaitForExit();
        return System.Version.TryParse(words.FirstOrDefault(word => word.StartsWith("v=", StringComparison.Ordinal))?[2..], out var version) ? version : null;
    }

    private static string? TooOld(Version? version) => version is { Major: < 7 } ? $"redis-server {version} is too old: 7.0 or newer is needed" : null;
}

using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace Brook.TestServers;

/// <summary>A real rabbitmq-server of its own: a node with free loopback ports, its own name resolution (epmd) and a directory that goes with it. User and password are guest.</summary>
public sealed class RabbitMqServer : IAsyncDisposable
{
    private const int Attempts = 3;
    private const string Programs = "/usr/lib/rabbitmq/bin";        // those of PATH change to the package's own user and directories
    private static readonly TimeSpan s_startDeadline = TimeSpan.FromSeconds(60), s_commandDeadline = TimeSpan.FromSeconds(60);
    private static readonly string? s_executable = new[] { $"{Programs}/rabbitmq-server", Servers.Find("rabbitmq-server") }.FirstOrDefault(File.Exists);

    private readonly RabbitMqServerOptions _options;
    private readonly ServerProcess _server, _names;
    private int _namesPort, _nodePort;

    private RabbitMqServer(RabbitMqServerOptions options)
    {
        (_options, Directory) = (options, System.IO.Directory.CreateTempSubdirectory("brook-rabbitmq-").FullName);
        (_server, _names) = (new(Directory), new(System.IO.Directory.CreateDirectory(Path.Combine(Directory, "epmd")).FullName));
    }

    /// <summary>Null when a rabbitmq-server was found; otherwise what is missing. For <see cref="Servers.SkipReason(string?)"/>.</summary>
    public static string? WhyNot { get; } = s_executable is null ? "rabbitmq-server is not installed: apt-get install rabbitmq-server"
        : Servers.Find("epmd") is null ? "epmd, a part of Erlang, was not found: apt-get install erlang-base"
        : null;

    /// <summary>The loopback address.</summary>
    public string Host { get; } = "127.0.0.1";

    /// <summary>The port of AMQP.</summary>
    public int Port { get; private set; }

    /// <summary>User, password, address and the virtual host /.</summary>
    public Uri Uri => new($"amqp://guest:guest@{Host}:{Port}/");

    /// <summary>The node's name.</summary>
    public string NodeName { get; } = $"brook{Guid.NewGuid().ToString("N")[..8]}@localhost";

    /// <summary>Where its files are, until it is disposed.</summary>
    public string Directory { get; }

    /// <summary>The process id of the last start.</summary>
    public int ProcessId => _server.Id;

    /// <summary>Whether the process is there.</summary>
    public bool IsRunning => _server.IsRunning;

    /// <summary>Processor time, user and system, since the last start.</summary>
    public TimeSpan CpuTime => _server.CpuTime;

    /// <summary>Starts a node and waits until it takes connections: about four seconds.</summary>
    /// <exception cref="InvalidOperationException">There is no rabbitmq-server, or it ended or did not start in time: with the end of its log.</exception>
    public static async Task<RabbitMqServer> StartAsync(RabbitMqServerOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (WhyNot is { } reason) throw new InvalidOperationException(reason);
        var server = new RabbitMqServer(options ?? new());
        try
        {
            await File.WriteAllTextAsync(Path.Combine(server.Directory, "enabled_plugins"), "[].\n", cancellationToken);
            await File.WriteAllLinesAsync(Path.Combine(server.Directory, "rabbitmq.conf"), server.Configuration(), cancellationToken);
            for (var attempt = 1; ; attempt++)
            {
                (server.Port, server._nodePort, server._namesPort) = (FreePort.Next(), FreePort.Next(), FreePort.Next());
                if (await server.TryRunAsync(attempt == Attempts, cancellationToken)) return server;
            }
        }
        catch { await server.DisposeAsync(); throw; }
    }

    /// <summary>Starts it again on its port and with its files, after <see cref="StopAsync"/> when it still runs.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken = default)
    {
        if (IsRunning) await StopAsync();
        for (var attempt = 1; !await TryRunAsync(attempt == Attempts, cancellationToken); attempt++) await Task.Delay(100 * attempt, cancellationToken);
    }

    /// <summary>kill -9, and waits until it has ended.</summary>
    public Task KillAsync() => _server.KillAsync();

    /// <summary>SIGTERM: it says goodbye to its connections and ends.</summary>
    public Task StopAsync() => _server.StopAsync();

    /// <summary>SIGSTOP: connections stay open and nothing is answered.</summary>
    public Task PauseAsync() => _server.PauseAsync();

    /// <summary>SIGCONT.</summary>
    public void Resume() => _server.Resume();

    /// <summary>Closes every client's connection, as an operator would; clients see an error and connect again.</summary>
    public Task CloseConnectionsAsync(CancellationToken cancellationToken = default) => ControlAsync(["close_all_connections", "closed by a test"], cancellationToken);

    /// <summary>Runs rabbitmqctl against the node. It takes a second or two.</summary>
    /// <returns>What it wrote.</returns>
    /// <exception cref="InvalidOperationException">It failed: with what it wrote.</exception>
    public async Task<string> ControlAsync(IReadOnlyList<string> arguments, CancellationToken cancellationToken = default)
    {
        var start = new ProcessStartInfo($"{Programs}/rabbitmqctl", ["-n", NodeName, "-q", .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Directory };
        foreach (var (name, value) in EnvironmentVariables()) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(s_commandDeadline);
        try
        {
            var (output, error) = (process.StandardOutput.ReadToEndAsync(deadline.Token), process.StandardError.ReadToEndAsync(deadline.Token));
            await process.WaitForExitAsync(deadline.Token);
            var text = await output + await error;
            return process.ExitCode == 0 ? text : throw new InvalidOperationException($"rabbitmqctl {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{text}");
        }
        catch
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <summary>Kills it, with whatever it started, and removes its files.</summary>
    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _names.DisposeAsync();
        for (var attempt = 1; System.IO.Directory.Exists(Directory); attempt++)
        {
            try { System.IO.Directory.Delete(Directory, recursive: true); }
            catch (IOException) when (attempt < 20) { await Task.Delay(50); }       // a helper of the node still writes there
        }
    }

    private async Task<bool> TryRunAsync(bool isLast, CancellationToken cancellationToken)
    {
        if (!_names.IsRunning) await _names.StartAsync(new(Servers.Find("epmd")!, "-port", Number(_namesPort), "-address", Host));
        await _server.StartAsync(new(s_executable!) { Environment = EnvironmentVariables() });
        var started = Stopwatch.GetTimestamp();
        while (_server.IsRunning)
        {
            if (_server.LogTail(200).Contains("Server startup complete", StringComparison.Ordinal) && await AnswersAsync(cancellationToken)) return true;
            if (Stopwatch.GetElapsedTime(started) > s_startDeadline) throw new InvalidOperationException($"rabbitmq-server did not start within {s_startDeadline.TotalSeconds} s. The end of its log:\n{_server.LogTail()}");
            await Task.Delay(20, cancellationToken);
        }
        return isLast ? throw new InvalidOperationException($"rabbitmq-server ended with code {_server.ExitCode}. The end of its log:\n{_server.LogTail()}") : false;
    }

    /// <summary>The broker's first frame to who says the protocol's name.</summary>
    private async Task<bool> AnswersAsync(CancellationToken cancellationToken)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(Host, Port, cancellationToken);
            await client.GetStream().WriteAsync("AMQP\0\0\u0009\u0001"u8.ToArray(), cancellationToken);
            return await client.GetStream().ReadAsync(new byte[1], cancellationToken) == 1;
        }
        catch (SocketException) { return false; }
        catch (IOException) { return false; }
    }

    private IEnumerable<string> Configuration() =>
    [
        "vm_memory_high_watermark.absolute = 2GB",
        "disk_free_limit.absolute = 1MB",
        "log.console.level = info",
        "collect_statistics_interval = 60000",
        $"heartbeat = {Number(_options.HeartbeatSeconds)}",
    ];

    private Dictionary<string, string> EnvironmentVariables() => new()
    {
        ["RUNNING_UNDER_SYSTEMD"] = "true",                 // the script becomes the server, so that its process id is the server's
        ["HOME"] = Directory,                               // its own cookie
        ["ERL_EPMD_PORT"] = Number(_namesPort),
        ["RABBITMQ_NODENAME"] = NodeName,
        ["RABBITMQ_MNESIA_BASE"] = Path.Combine(Directory, "data"),
        ["RABBITMQ_LOG_BASE"] = Path.Combine(Directory, "log"),
        ["RABBITMQ_LOGS"] = "-",
        ["RABBITMQ_ENABLED_PLUGINS_FILE"] = Path.Combine(Directory, "enabled_plugins"),
        ["RABBITMQ_CONFIG_FILE"] = Path.Combine(Directory, "rabbitmq.conf"),
        ["RABBITMQ_CONF_ENV_FILE"] = Path.Combine(Directory, "none"),
        ["RABBITMQ_NODE_IP_ADDRESS"] = Host,
        ["RABBITMQ_NODE_PORT"] = Number(Port),
        ["RABBITMQ_DIST_PORT"] = Number(_nodePort),
        ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = $"+S {_options.Schedulers}:{_options.Schedulers} +sbwt none",
    };

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>How a <see cref="RabbitMqServer"/> is run.</summary>
public sealed record RabbitMqServerOptions
{
    /// <summary>Threads that run Erlang code.</summary>
    public int Schedulers { get; init; } = 2;

    /// <summary>After about two of these a silent client is taken for dead.</summary>
    public int HeartbeatSeconds { get; init; } = 60;
}

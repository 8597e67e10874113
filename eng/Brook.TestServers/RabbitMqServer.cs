using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Brook.TestServers;

/// <summary>A real rabbitmq-server of its own: a node with a name, a cookie, an epmd and free loopback ports that nobody else has, in a directory that goes with it.</summary>
public sealed class RabbitMqServer : IAsyncDisposable
{
    private const int Attempts = 5;
    private const string DebianScript = "/usr/lib/rabbitmq/bin/rabbitmq-server";
    private static readonly TimeSpan s_startDeadline = TimeSpan.FromSeconds(90), s_answerDeadline = TimeSpan.FromSeconds(10), s_controlDeadline = TimeSpan.FromSeconds(60);

    // Debian's /usr/sbin/rabbitmq-server changes to the user rabbitmq; the script behind it runs as whoever calls it.
    private static readonly string? s_executable = File.Exists(DebianScript) ? DebianScript : Servers.Find("rabbitmq-server");
    private static readonly SemaphoreSlim s_oneCall = new(1);
    private static readonly string? s_epmd = Servers.Find("epmd"), s_erlCall = Servers.Find("erl_call");

    private static readonly byte[] s_epmdNames = [0, 1, (byte)'n'];      // the length, and what is asked: which nodes there are

    private readonly RabbitMqServerOptions _options;
    private readonly ServerProcess _process, _epmd;
    private int _epmdPort, _nodePort;

    private RabbitMqServer(RabbitMqServerOptions options)
    {
        (_options, Directory) = (options, System.IO.Directory.CreateTempSubdirectory("brook-rabbitmq-").FullName);
        (_process, _epmd) = (new(Directory), new(System.IO.Directory.CreateDirectory(InDirectory("epmd")).FullName));
    }

    /// <summary>Whether <see cref="StartAsync(RabbitMqServerOptions?, CancellationToken)"/> can work on this machine.</summary>
    public static bool IsInstalled => WhyNot is null;

    /// <summary>Null when a usable rabbitmq-server was found; otherwise what is missing. For <see cref="Servers.SkipReason(string?)"/>.</summary>
    public static string? WhyNot { get; } = Missing(s_executable, s_epmd);

    /// <summary>The loopback address.</summary>
    public string Host { get; } = "127.0.0.1";

    /// <summary>The port of AMQP.</summary>
    public int Port { get; private set; }

    /// <summary>amqp://guest:guest@127.0.0.1:port/</summary>
    public Uri Uri => new($"amqp://guest:guest@{Host}:{Port}/");

    /// <summary>brook-something@localhost</summary>
    public string NodeName { get; } = $"brook{Random.Shared.Next():x8}@localhost";

    /// <summary>Where its files are, until it is disposed.</summary>
    public string Directory { get; }

    /// <summary>The process id of the last start: of the Erlang machine itself.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Whether the process is there (it may be paused).</summary>
    public bool IsRunning => _process.IsRunning;

    /// <summary>Processor time, user and system, since the last start.</summary>
    public TimeSpan CpuTime => _process.CpuTime;

    internal int EpmdProcessId => _epmd.Id;

    /// <summary>Starts a broker and waits until it answers; that takes some seconds.</summary>
    /// <exception cref="InvalidOperationException">There is no rabbitmq-server, or it ended or did not answer in time: with the end of its log.</exception>
    public static Task<RabbitMqServer> StartAsync(RabbitMqServerOptions? options = null, CancellationToken cancellationToken = default)
        => StartAsync(options ?? new(), FreePort.Next, cancellationToken);

    internal static async Task<RabbitMqServer> StartAsync(RabbitMqServerOptions options, Func<int> nextPort, CancellationToken cancellationToken)
    {
        if (WhyNot is { } reason && (options.Executable is null || s_epmd is null)) throw new InvalidOperationException(reason);
        var server = new RabbitMqServer(options);
        try
        {
            await server.WriteFilesAsync(cancellationToken);
            for (var attempt = 1; ; attempt++)
            {
                (server.Port, server._epmdPort, server._nodePort) = (nextPort(), nextPort(), nextPort());
                if (await server.TryRunAsync(attempt == Attempts, cancellationToken)) return server;
                await server._epmd.DisposeAsync();
            }
        }
        catch { await server.DisposeAsync(); throw; }
    }

    /// <summary>Starts it again on its ports and with its files, after <see cref="StopAsync"/> when it still runs: durable queues and persistent messages are there again.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken = default)
    {
        if (IsRunning) await StopAsync();
        for (var attempt = 1; !await TryRunAsync(attempt == Attempts, cancellationToken); attempt++) await Task.Delay(100 * attempt, cancellationToken);
    }

    /// <summary>kill -9, and waits until it has ended.</summary>
    public Task KillAsync() => _process.KillAsync();

    /// <summary>
    /// Has the broker write down which quorum queues it has, which it does within a second. Killed before that it begins such a queue anew, with an empty log that
    /// never gets a leader: nobody can send to it or read it then (RabbitMQ's issue 15725, name_not_registered). Call it before killing a broker whose queues are new.
    /// </summary>
    public Task WriteDownQueuesAsync() => EvalAsync("dets:sync(ra_directory_reverse)");

    /// <summary>SIGTERM: it closes its connections, writes what it has and ends.</summary>
    public Task StopAsync() => _process.StopAsync();

    /// <summary>SIGSTOP: connections stay open, the system takes new ones, nothing is answered.</summary>
    public Task PauseAsync() => _process.PauseAsync();

    /// <summary>SIGCONT, and waits until it answers.</summary>
    public async Task ResumeAsync()
    {
        _process.Resume();
        await UntilAsync(AnswersAsync, s_answerDeadline, "answering", CancellationToken.None);
    }

    /// <summary>Closes the connections of all clients, as an operator would: they see an error and may connect again.</summary>
    public Task CloseConnectionsAsync() => EvalAsync("[rabbit_networking:close_connection(Connection, \"closed by a test\") || Connection <- rabbit_networking:connections()]");

    /// <summary>rabbitmqctl against this broker: "list_queues", "name", "messages". Each call takes a third of a second; <see cref="EvalAsync"/> takes milliseconds.</summary>
    /// <returns>What it wrote, without the lines that only tell what it does.</returns>
    /// <exception cref="InvalidOperationException">It ended with another code than 0: with what it wrote.</exception>
    /// <exception cref="TimeoutException">It took over 60 s.</exception>
    public Task<string> RunCtlAsync(params string[] args)
        => RunAsync(Path.Combine(Path.GetDirectoryName(_options.Executable ?? s_executable!)!, "rabbitmqctl"), ["--quiet", .. args], null);

    /// <summary>What an Erlang expression (without a full stop at its end) is in the broker: "rabbit_amqqueue:list()".</summary>
    /// <returns>As Erlang writes it, on one line unless it is long: "[]", "{ok,&lt;&lt;\"text\"&gt;&gt;}".</returns>
    /// <exception cref="InvalidOperationException">It failed: with what Erlang says.</exception>
    /// <exception cref="TimeoutException">It took over 60 s.</exception>
    public async Task<string> EvalAsync(string expression)
    {
        // erl_call writes a string as it is, but not every term: so this asks for a string, of characters that mean the same everywhere.
        var asked = $"base64:encode_to_string(unicode:characters_to_binary(io_lib:format(\"~tp\", [begin {expression} end]))).\n";
        await s_oneCall.WaitAsync();            // two at once may take the same name for themselves
        string answer;
        try { answer = s_erlCall is null ? await RunCtlAsync("eval", asked) : await RunAsync(s_erlCall, ["-sname", NodeName, "-e"], asked); }
        finally { s_oneCall.Release(); }
        return !answer.StartsWith("{error", StringComparison.Ordinal) && answer.Split('"') is [_, var text, _]
            ? Encoding.UTF8.GetString(Convert.FromBase64String(text))
            : throw new InvalidOperationException($"{expression} has no value:\n{answer}");
    }

    /// <summary>Makes a virtual host with nothing in it, which guest may use.</summary>
    /// <param name="name">Letters and digits.</param>
    /// <returns>Its address.</returns>
    public async Task<Uri> AddVirtualHostAsync(string name)
    {
        await EvalAsync($"rabbit_vhost:add(<<\"{name}\">>, <<\"test\">>), rabbit_auth_backend_internal:set_permissions(<<\"guest\">>, <<\"{name}\">>, <<\".*\">>, <<\".*\">>, <<\".*\">>, <<\"test\">>)");
        return new(Uri, name);
    }

    /// <summary>Removes a virtual host with all that is in it.</summary>
    public Task RemoveVirtualHostAsync(string name) => EvalAsync($"rabbit_vhost:delete(<<\"{name}\">>, <<\"test\">>)");

    /// <summary>The last lines of its log since the last start.</summary>
    public string LogTail(int lines = 80) => _process.LogTail(lines);

    /// <summary>Kills the broker, its helpers and its epmd, and deletes the directory.</summary>
    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        await _epmd.DisposeAsync();
        if (System.IO.Directory.Exists(Directory)) System.IO.Directory.Delete(Directory, recursive: true);
    }

    private async Task<string> RunAsync(string program, string[] args, string? input)
    {
        var start = new ProcessStartInfo(program, args) { WorkingDirectory = Directory, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in Environment()) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        try
        {
            if (input is not null) await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException) { }     // it has ended already, and says why
        var call = $"{Path.GetFileName(program)} {string.Join(' ', args)}";
        try { await Task.WhenAll(process.WaitForExitAsync(), output, error).WaitAsync(s_controlDeadline); }
        catch (TimeoutException e)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{call} did not end within {s_controlDeadline.TotalSeconds} s.", e);
        }
        return process.ExitCode == 0 ? await output : throw new InvalidOperationException($"{call} ended with code {process.ExitCode}:\n{await error}{await output}");
    }

    private async Task WriteFilesAsync(CancellationToken cancellationToken)
    {
        var cookie = InDirectory(".erlang.cookie");
        await File.WriteAllTextAsync(cookie, Guid.NewGuid().ToString("N"), cancellationToken);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(cookie, UnixFileMode.UserRead);
        await File.WriteAllTextAsync(InDirectory("enabled_plugins"), "[].\n", cancellationToken);
        await File.WriteAllLinesAsync(InDirectory("rabbitmq.conf"),
        [
            "vm_memory_high_watermark.absolute = 1GB",
            "disk_free_limit.absolute = 1MB",       // else it takes no messages on a disk that is nearly full
            "collect_statistics_interval = 60000",
            "log.console.level = info",
            .. _options.Configuration,
        ], cancellationToken);
    }

    // All that the scripts would otherwise look for in /etc/rabbitmq, /var/lib/rabbitmq, /var/log/rabbitmq and the home directory.
    private Dictionary<string, string> Environment() => new()
    {
        ["HOME"] = Directory,       // .erlang.cookie
        ["LC_ALL"] = "C.UTF-8",
        ["ERL_EPMD_PORT"] = Text(_epmdPort),
        ["ERL_EPMD_ADDRESS"] = Host,
        ["ERL_FLAGS"] = "-start_epmd false",        // ours runs already, and no other one may stay behind
        ["ERL_CRASH_DUMP_SECONDS"] = "0",
        ["detached"] = "true",      // the script replaces itself by erl, so that the process id is the broker's
        ["RABBITMQ_NODENAME"] = NodeName,
        ["RABBITMQ_NODE_IP_ADDRESS"] = Host,
        ["RABBITMQ_NODE_PORT"] = Text(Port),
        ["RABBITMQ_DIST_PORT"] = Text(_nodePort),
        ["RABBITMQ_CONF_ENV_FILE"] = InDirectory("rabbitmq-env.conf"),     // there is none
        ["RABBITMQ_CONFIG_FILE"] = InDirectory("rabbitmq.conf"),
        ["RABBITMQ_ADVANCED_CONFIG_FILE"] = InDirectory("advanced.config"),    // there is none
        ["RABBITMQ_ENABLED_PLUGINS_FILE"] = InDirectory("enabled_plugins"),
        ["RABBITMQ_MNESIA_BASE"] = Directory,
        ["RABBITMQ_MNESIA_DIR"] = InDirectory("mnesia"),
        ["RABBITMQ_FEATURE_FLAGS_FILE"] = InDirectory("feature_flags"),
        ["RABBITMQ_PLUGINS_EXPAND_DIR"] = InDirectory("plugins"),
        ["RABBITMQ_PID_FILE"] = InDirectory("rabbitmq.pid"),
        ["RABBITMQ_LOG_BASE"] = InDirectory("logs"),
        ["RABBITMQ_LOGS"] = "-",
        ["RABBITMQ_SCHEDULER_BIND_TYPE"] = "u",     // several brokers and the tests share the processors
        ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}",
        ["RABBITMQ_CTL_ERL_ARGS"] = "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}",
    };

    // False when it ended because something else has a port, unless this is the last attempt.
    private async Task<bool> TryRunAsync(bool isLast, CancellationToken cancellationToken)
    {
        try
        {
            if (!_epmd.IsRunning) await StartEpmdAsync(cancellationToken);
            await _process.StartAsync(new(_options.Executable ?? s_executable!) { Environment = Environment() });
            await UntilAsync(StartedAsync, s_startDeadline, "ready", cancellationToken);
            return true;
        }
        catch (InvalidOperationException) when (!isLast && !IsRunning && IsPortTaken()) { return false; }
    }

    private bool IsPortTaken() => !_epmd.IsRunning || LogTail(int.MaxValue) is var log
        && (log.Contains("eaddrinuse", StringComparison.Ordinal) || log.Contains("in use by another", StringComparison.Ordinal));

    private async Task StartEpmdAsync(CancellationToken cancellationToken)
    {
        await _epmd.StartAsync(new(s_epmd!, "-port", Text(_epmdPort), "-address", Host));
        for (var started = Stopwatch.GetTimestamp(); ; await Task.Delay(5, cancellationToken))
        {
            if (!_epmd.IsRunning) throw new InvalidOperationException($"epmd on port {_epmdPort} ended with code {_epmd.ExitCode} instead of answering. The end of its log:\n{_epmd.LogTail()}");
            if (Stopwatch.GetElapsedTime(started) > s_answerDeadline) throw new InvalidOperationException($"epmd on port {_epmdPort} was not answering within {s_answerDeadline.TotalSeconds} s.");
            using var attempt = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _epmd.Ended);
            attempt.CancelAfter(s_answerDeadline);
            using var client = new TcpClient();
            try
            {
                await client.ConnectAsync(Host, _epmdPort, attempt.Token);
                await client.GetStream().WriteAsync(s_epmdNames, attempt.Token);
                await client.GetStream().ReadExactlyAsync(new byte[4], attempt.Token);
                return;
            }
            catch (Exception e) when (e is SocketException or IOException || e is OperationCanceledException && !cancellationToken.IsCancellationRequested) { }
        }
    }

    private async Task<bool> StartedAsync(CancellationToken cancellationToken)
        => LogTail(int.MaxValue).Contains("Server startup complete", StringComparison.Ordinal) && await AnswersAsync(cancellationToken);

    // What answers has to be our broker, which tells its name: another one may have been faster to take the port.
    private async Task<bool> AnswersAsync(CancellationToken cancellationToken)
        => (await AmqpGreeting.AskAsync(Host, Port, cancellationToken)).Contains(NodeName.Split('@')[0], StringComparison.Ordinal);

    private async Task UntilAsync(Func<CancellationToken, Task<bool>> condition, TimeSpan deadline, string what, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        for (Exception? last = null; ; await Task.Delay(20, cancellationToken))
        {
            if (!IsRunning) throw new InvalidOperationException($"rabbitmq-server ended with code {_process.ExitCode} instead of being {what}. The end of its log:\n{LogTail()}", last);
            if (Stopwatch.GetElapsedTime(started) is var elapsed && elapsed > deadline)
                throw new InvalidOperationException($"rabbitmq-server on {Host}:{Port} was not {what} within {deadline.TotalSeconds} s. The end of its log:\n{LogTail()}", last);
            using var attempt = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _process.Ended);
            attempt.CancelAfter(deadline - elapsed);
            try
            {
                if (await condition(attempt.Token)) return;
            }
            catch (Exception e) when (e is SocketException or IOException || e is OperationCanceledException && !cancellationToken.IsCancellationRequested) { last = e; }
        }
    }

    private string InDirectory(string name) => Path.Combine(Directory, name);

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);

    internal static string? Missing(string? executable, string? epmd) => executable is null ? "rabbitmq-server is not installed: apt-get install rabbitmq-server"
        : epmd is null ? "epmd, which rabbitmq-server needs, was not found: apt-get install erlang-base"
        : null;
}

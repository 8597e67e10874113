using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Brook.TestServers;

/// <summary>A real PostgreSQL of its own: a cluster made for it, on a free loopback port, in a directory that goes with it.</summary>
public sealed partial class PostgresServer : IAsyncDisposable
{
    private const int Attempts = 5, SigInt = 2;
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(60);
    private static readonly string? s_folder = FindFolder();

    // It refuses to run as root.
    private static readonly string? s_user = OperatingSystem.IsWindows() || GetEffectiveUser() != 0 ? null : Array.Find(["postgres", "nobody"], IsUser);

    private readonly PostgresServerOptions _options;
    private readonly ServerProcess _process;

    private PostgresServer(PostgresServerOptions options)
    {
        (_options, Directory) = (options, System.IO.Directory.CreateTempSubdirectory("brook-postgres-").FullName);
        _process = new(Directory) { WithChildren = true };
    }

    /// <summary>Whether <see cref="StartAsync(PostgresServerOptions?, CancellationToken)"/> can work on this machine.</summary>
    public static bool IsInstalled => WhyNot is null;

    /// <summary>Null when a PostgreSQL was found; otherwise what is missing. For <see cref="Servers.SkipReason(string?)"/>.</summary>
    public static string? WhyNot { get; } = s_folder is null
        ? "PostgreSQL's server is not installed: apt-get install postgresql"
        : null;

    /// <summary>The loopback address.</summary>
    public string Host { get; } = "127.0.0.1";

    /// <summary>Its port.</summary>
    public int Port { get; private set; }

    /// <summary>As Npgsql has it, for the user who may do everything.</summary>
    public string ConnectionString => ConnectionStringFor("postgres");

    /// <summary>Where its files are, until it is disposed.</summary>
    public string Directory { get; }

    /// <summary>The process id of the last start.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Whether the process is there (it may be paused).</summary>
    public bool IsRunning => _process.IsRunning;

    private string Data => Path.Combine(Directory, "data");

    /// <summary>Makes a cluster, starts a server and waits until it answers; that takes a second or two.</summary>
    /// <exception cref="InvalidOperationException">There is no PostgreSQL, or it ended or did not answer in time: with the end of its log.</exception>
    public static Task<PostgresServer> StartAsync(PostgresServerOptions? options = null, CancellationToken cancellationToken = default)
        => StartAsync(options ?? new(), FreePort.Next, cancellationToken);

    internal static async Task<PostgresServer> StartAsync(PostgresServerOptions options, Func<int> nextPort, CancellationToken cancellationToken)
    {
        if (WhyNot is { } reason) throw new InvalidOperationException(reason);
        var server = new PostgresServer(options);
        try
        {
            await server.MakeClusterAsync(cancellationToken);
            for (var attempt = 1; ; attempt++)
            {
                server.Port = nextPort();
                if (await server.TryRunAsync(attempt == Attempts, cancellationToken)) return server;
            }
        }
        catch { await server.DisposeAsync(); throw; }
    }

    /// <summary>As Npgsql has it, for a user that the test has made.</summary>
    public string ConnectionStringFor(string user, string database = "postgres") => $"Host={Host};Port={Port};Username={user};Database={database}";

    /// <summary>Starts it again on its port and with its files, after <see cref="StopAsync"/> when it still runs; waits until it has recovered.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken = default)
    {
        if (IsRunning) await StopAsync();
        for (var attempt = 1; !await TryRunAsync(attempt == Attempts, cancellationToken); attempt++) await Task.Delay(100 * attempt, cancellationToken);
    }

    /// <summary>kill -9 for all its processes, and waits until it has ended. What was committed is in its files.</summary>
    public Task KillAsync() => _process.KillAsync();

    /// <summary>SIGINT, its "fast" shutdown: it cuts its clients off (57P01), writes what it has and ends.</summary>
    public Task StopAsync() => _process.StopAsync(s_deadline, SigInt);

    /// <summary>SIGSTOP for all its processes: connections stay open, the system takes new ones, nothing is answered.</summary>
    public Task PauseAsync() => _process.PauseAsync();

    /// <summary>SIGCONT, and waits until it answers.</summary>
    public async Task ResumeAsync()
    {
        _process.Resume();
        await QueryAsync("SELECT 1");
    }

    /// <summary>SQL on a connection of its own, as the user who may do everything; takes some milliseconds, it is psql.</summary>
    /// <returns>The rows as lines, the columns with | between them.</returns>
    /// <exception cref="InvalidOperationException">It failed: with what the server said.</exception>
    public async Task<string> QueryAsync(string sql, string user = "postgres", string database = "postgres")
        => (await RunAsync("psql", ["-h", Host, "-p", Text(Port), "-U", user, "-d", database, "-XAtq", "-v", "ON_ERROR_STOP=1"], CancellationToken.None, sql)).TrimEnd('\n');

    /// <summary>The last lines of its log since the last start.</summary>
    public string LogTail(int lines = 20) => _process.LogTail(lines);

    /// <summary>Kills the server and deletes the directory.</summary>
    public async ValueTask DisposeAsync()
    {
        if (IsRunning) await _process.KillAsync();
        await _process.DisposeAsync();
        for (var attempt = 0; System.IO.Directory.Exists(Directory); attempt++)
        {
            try { System.IO.Directory.Delete(Directory, recursive: true); }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException && attempt < 50) { await Task.Delay(20); }      // a child that was killed is about to end
        }
    }

    private async Task MakeClusterAsync(CancellationToken cancellationToken)
    {
        if (s_user is not null) await RunAsync(Servers.Find("chown") ?? "/bin/chown", [s_user, Directory], cancellationToken, asUser: false);
        await RunAsync("initdb", ["-D", Data, "-U", "postgres", "-A", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"], cancellationToken);
        await File.AppendAllLinesAsync(Path.Combine(Data, "postgresql.conf"),
        [
            "listen_addresses = '127.0.0.1'",
            $"unix_socket_directories = '{Directory}'",
            "shared_buffers = 32MB",
            "max_connections = 100",
            "logging_collector = off",
            "autovacuum_naptime = 10s",
            .. _options.Configuration,
        ], cancellationToken);
        await File.WriteAllLinesAsync(Path.Combine(Data, "pg_hba.conf"), [.. _options.Access, "local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"], cancellationToken);
    }

    // False when it ended because something else has the port, unless this is the last attempt.
    private async Task<bool> TryRunAsync(bool isLast, CancellationToken cancellationToken)
    {
        await _process.StartAsync(new(Path.Combine(s_folder!, "postgres"), "-D", Data, "-p", Text(Port)) { User = s_user, Environment = new Dictionary<string, string> { ["LC_ALL"] = "C" } });
        try
        {
            await ReadyAsync(cancellationToken);
            return true;
        }
        catch (InvalidOperationException) when (!isLast && !IsRunning && (LogTail().Contains("Address already in use", StringComparison.Ordinal) || LogTail().Contains("is still in use", StringComparison.Ordinal))) { return false; }
    }

    // It tells in a file of its own whether it is ready: another server may have the port.
    private async Task ReadyAsync(CancellationToken cancellationToken)
    {
        for (var started = Stopwatch.GetTimestamp(); ; await Task.Delay(10, cancellationToken))
        {
            if (!IsRunning) throw new InvalidOperationException($"postgres ended with code {_process.ExitCode} instead of being ready. The end of its log:\n{LogTail()}");
            if (Stopwatch.GetElapsedTime(started) > s_deadline) throw new InvalidOperationException($"postgres on {Host}:{Port} was not ready within {s_deadline.TotalSeconds} s. The end of its log:\n{LogTail()}");
            try
            {
                var lines = await File.ReadAllLinesAsync(Path.Combine(Data, "postmaster.pid"), cancellationToken);
                if (lines.Length >= 8 && lines[0] == Text(ProcessId) && (lines[7].StartsWith("ready", StringComparison.Ordinal) || lines[7].StartsWith("standby", StringComparison.Ordinal))) return;
            }
            catch (IOException) { }
        }
    }

    private async Task<string> RunAsync(string program, string[] args, CancellationToken cancellationToken, string? input = null, bool asUser = true)
    {
        string[] command = [Path.IsPathRooted(program) ? program : Path.Combine(s_folder!, program), .. args];
        if (asUser && s_user is not null && input is null)
            command = [Servers.Find("setpriv") ?? throw new InvalidOperationException($"setpriv (of util-linux) is needed to run {program} as {s_user}; it was not found."), "--reuid", s_user, "--regid", ServerProcess.Group(s_user), "--clear-groups", "--", .. command];
        var start = new ProcessStartInfo(command[0], command[1..]) { WorkingDirectory = Directory, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        (start.Environment["LC_ALL"], start.Environment["PGCONNECT_TIMEOUT"]) = ("C", "10");
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(cancellationToken), process.StandardError.ReadToEndAsync(cancellationToken));
        try
        {
            if (input is not null) await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException) { }     // it has ended already, and says why
        try { await Task.WhenAll(process.WaitForExitAsync(cancellationToken), output, error).WaitAsync(s_deadline, cancellationToken); }
        catch (TimeoutException e)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} did not end within {s_deadline.TotalSeconds} s.", e);
        }
        return process.ExitCode == 0 ? await output : throw new InvalidOperationException($"{program} ended with code {process.ExitCode}:\n{await error}{await output}");
    }

    /// <summary>Debian has a folder for each version, and none of it on the PATH; the newest one is taken.</summary>
    private static string? FindFolder()
    {
        const string Debian = "/usr/lib/postgresql";
        var newest = System.IO.Directory.Exists(Debian)
            ? System.IO.Directory.GetDirectories(Debian).Where(folder => File.Exists(Path.Combine(folder, "bin", "initdb")) && File.Exists(Path.Combine(folder, "bin", "postgres")))
                .MaxBy(folder => int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : 0)
            : null;
        return newest is not null ? Path.Combine(newest, "bin") : Path.GetDirectoryName(Servers.Find("initdb"));
    }

    private static bool IsUser(string name) => File.Exists("/etc/passwd") && File.ReadLines("/etc/passwd").Any(line => line.StartsWith(name + ":", StringComparison.Ordinal));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUser();
}

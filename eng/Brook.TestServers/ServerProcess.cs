using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Brook.TestServers;

/// <summary>What to run as a server.</summary>
/// <param name="Executable">The full path of the program. It has to stay in the foreground.</param>
/// <param name="Arguments">Its arguments.</param>
public sealed record ServerCommand(string Executable, params IReadOnlyList<string> Arguments)
{
    /// <summary>Variables on top of those of this process.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Runs as this user (needs root and setpriv): some servers refuse to run as root.</summary>
    public string? User { get; init; }
}

/// <summary>One server program: started, signalled, killed and started again. Its output is in a file of its directory, and it ends when this process ends.</summary>
public sealed partial class ServerProcess(string directory) : IAsyncDisposable
{
    private const int SigTerm = 15, SigKill = 9;
    private static readonly (int Stop, int Continue) s_signal = OperatingSystem.IsMacOS() ? (17, 19) : (19, 18);
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(10);
    private readonly string _log = Path.Combine(directory, "server.log");
    private Process? _process;
    private long _logStart;

    /// <summary>The server is a family of processes: <see cref="KillAsync"/>, <see cref="PauseAsync"/> and <see cref="Resume"/> are for its children, too.</summary>
    public bool WithChildren { get; init; }

    /// <summary>Whether it has been started and has not ended.</summary>
    public bool IsRunning => _process is { HasExited: false };

    /// <summary>Cancelled when the process of the last start has ended.</summary>
    public CancellationToken Ended { get; private set; }

    /// <summary>The process id of the last start.</summary>
    public int Id => Started.Id;

    /// <summary>The exit code; null while it runs.</summary>
    public int? ExitCode => Started.HasExited ? Started.ExitCode : null;

    /// <summary>Processor time, user and system, since the last start.</summary>
    public TimeSpan CpuTime => Running.TotalProcessorTime;

    private Process Started => _process ?? throw new InvalidOperationException("The server was never started.");
    private Process Running => IsRunning ? _process! : throw new InvalidOperationException("The server is not running.");

    /// <summary>Starts the program; it may need a while until it answers.</summary>
    public async Task StartAsync(ServerCommand command)
    {
        if (IsRunning) throw new InvalidOperationException($"The server is running already, as process {Id}.");
        if (command.User is not null && Supervisor.SetPriv is null) throw new InvalidOperationException($"setpriv (of util-linux) is needed to run {command.Executable} as {command.User}; it was not found.");
        _process?.Dispose();
        _process = null;
        _logStart = File.Exists(_log) ? new FileInfo(_log).Length : 0;

        // Each of these programs replaces itself by the next one, so that the process id is the server's. The output goes to a file: there is no
        // pipe to be drained, and nothing is lost with this process.
        string[] privileges = Supervisor.SetPriv is not { } setPriv ? []
            : command.User is { } user ? [setPriv, "--reuid", user, "--regid", Group(user), "--init-groups", "--pdeathsig", "KILL", "--"]
            : [setPriv, "--pdeathsig", "KILL", "--"];
        var start = new ProcessStartInfo("/bin/sh", ["-c", "exec \"$@\" >>\"$0\" 2>&1 </dev/null", _log, .. privileges, command.Executable, .. command.Arguments]) { WorkingDirectory = directory };
        foreach (var (name, value) in command.Environment) start.Environment[name] = value;
        var ended = new CancellationTokenSource();
        var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        process.Exited += (_, _) => ended.Cancel();
        await Supervisor.StartAsync(process);
        (_process, Ended) = (process, ended.Token);
    }

    /// <summary>kill -9, and waits until it has ended.</summary>
    public async Task KillAsync()
    {
        var children = Stopped();
        if (IsRunning) _process!.Kill();
        foreach (var child in children) _ = Kill(child, SigKill);
        await EndedAsync();
    }

    /// <summary>SIGTERM, and waits until it has ended in its own way.</summary>
    /// <param name="within">How long that may take; 10 s when nothing is said.</param>
    /// <param name="signal">Another signal than SIGTERM.</param>
    public async Task StopAsync(TimeSpan? within = null, int signal = SigTerm)
    {
        Send(signal);
        Send(s_signal.Continue);    // a paused one would never see it
        await EndedAsync(within);
    }

    /// <summary>SIGSTOP, and waits until it stands still. Connections stay open and nothing is answered.</summary>
    public async Task PauseAsync()
    {
        _ = Running;
        Send(s_signal.Stop);
        for (var started = Stopwatch.GetTimestamp(); State() is not ('T' or null); await Task.Delay(1))
            if (Stopwatch.GetElapsedTime(started) > s_deadline) throw new TimeoutException($"Process {Id} did not stop at SIGSTOP within {s_deadline.TotalSeconds} s.");
        foreach (var child in Children()) _ = Kill(child, s_signal.Stop);       // it makes no new ones any more
    }

    /// <summary>SIGCONT.</summary>
    public void Resume()
    {
        foreach (var child in Children()) _ = Kill(child, s_signal.Continue);
        Send(s_signal.Continue);
    }

    /// <summary>The last lines of what it wrote since the last start.</summary>
    public string LogTail(int lines = 20)
    {
        if (!File.Exists(_log)) return "";
        using var file = new FileStream(_log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        file.Position = Math.Max(_logStart, file.Length - 64 * 1024);
        return string.Join('\n', new StreamReader(file, Encoding.UTF8).ReadToEnd().TrimEnd().Split('\n').TakeLast(lines));
    }

    /// <summary>Kills it and its children.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_process is null) return;
        if (IsRunning) _process.Kill(entireProcessTree: true);
        await EndedAsync();
        _process.Dispose();
        _process = null;
    }

    private async Task EndedAsync(TimeSpan? within = null)
    {
        var deadline = within ?? s_deadline;
        try { await Started.WaitForExitAsync().WaitAsync(deadline); }
        catch (TimeoutException e) { throw new TimeoutException($"Process {Id} did not end within {deadline.TotalSeconds} s. The end of its log:\n{LogTail()}", e); }
    }

    internal static string Group(string user) => File.ReadLines("/etc/passwd").Select(line => line.Split(':')).First(fields => fields[0] == user)[3];

    // Only to a process that we started and that nobody has waited for yet: its id cannot be another one's.
    private void Send(int signal)
    {
        if (IsRunning) _ = Kill(_process!.Id, signal);
    }

    // Stands still, so that it makes no new children while they are killed.
    private List<int> Stopped()
    {
        if (WithChildren) Send(s_signal.Stop);
        return Children();
    }

    // Those of a process that runs and that we started: nobody has waited for them yet, so their ids cannot be other ones'.
    private List<int> Children()
    {
        if (!WithChildren || !IsRunning) return [];
        try { return [.. File.ReadAllText($"/proc/{Id}/task/{Id}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)]; }
        catch (IOException) { return []; }
    }

    // R, S, T and so on; null where there is no /proc, or no process any more.
    private char? State()
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{Id}/stat");
            return stat[stat.LastIndexOf(')') + 2];
        }
        catch (IOException) { return null; }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    // PR_SET_PDEATHSIG fires when the thread ends that started the process, not when its process does, and threads of the pool come and go: so
    // one thread that lives as long as the process starts all servers.
    private static class Supervisor
    {
        private static readonly BlockingCollection<Action> s_work = [];

        static Supervisor() => new Thread(() => { foreach (var work in s_work.GetConsumingEnumerable()) work(); }) { IsBackground = true, Name = "starts servers" }.Start();

        public static string? SetPriv { get; } = OperatingSystem.IsLinux() ? Servers.Find("setpriv") : null;

        public static Task StartAsync(Process process)
        {
            var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            s_work.Add(() =>
            {
                try
                {
                    process.Start();
                    started.SetResult();
                }
                catch (Exception e) { started.SetException(e); }
            });
            return started.Task;
        }
    }
}

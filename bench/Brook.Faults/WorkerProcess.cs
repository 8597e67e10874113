using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Threading.Channels;
using Brook.TestServers;

namespace Brook.Faults;

/// <summary>A worker as the program sees it: a process of this program under another verb, and a line to it. Trials hand it on to each other while it lives.</summary>
internal sealed class WorkerProcess : IAsyncDisposable
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(20);
    private readonly string _directory = Directory.CreateTempSubdirectory("brook-worker-").FullName;
    private readonly ServerProcess _process;
    private readonly TaskCompletionSource<TcpClient> _called = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<string> _toSay = Channel.CreateUnbounded<string>();
    private Task _talking = Task.CompletedTask;
    private TaskCompletionSource _ended = new();
    private Action<WorkerProcess, string, string[]> _heard = (_, _, _) => { };

    private WorkerProcess() => _process = new ServerProcess(_directory);

    /// <summary>Whether it takes part: it was not killed.</summary>
    public bool IsAlive { get; private set; } = true;

    public int Id => _process.Id;

    public static async Task<WorkerProcess> StartAsync(Switchboard calls)
    {
        var worker = new WorkerProcess();
        var token = Path.GetFileName(worker._directory);
        calls.Expect(token, worker._called);
        var program = typeof(WorkerProcess).Assembly.Location;
        await worker._process.StartAsync(new(Switchboard.DotNet, "exec", program, "worker", calls.Port.ToString(CultureInfo.InvariantCulture), token) { Environment = new Dictionary<string, string> { ["DOTNET_TieredPGO"] = "0", ["DOTNET_gcConcurrent"] = "0" } });
        try { worker._talking = worker.TalkAsync(await worker._called.Task.WaitAsync(s_deadline)); }
        catch (TimeoutException e)
        {
            var log = worker.LogTail();
            await worker.DisposeAsync();
            throw new InvalidOperationException($"A worker did not start within {s_deadline.TotalSeconds} s: {log}", e);
        }
        return worker;
    }

    /// <summary>Gives it to a trial, which hears what it says from now on: a word and what follows it.</summary>
    public void Begin(Orders orders, Action<WorkerProcess, string, string[]> heard)
    {
        (_heard, _ended) = (heard, new(TaskCreationOptions.RunContinuationsAsynchronously));
        Say($"trial {JsonSerializer.Serialize(orders)}");
    }

    /// <summary>As the other, over a transport.</summary>
    public void Begin(BusOrders orders, Action<WorkerProcess, string, string[]> heard)
    {
        (_heard, _ended) = (heard, new(TaskCreationOptions.RunContinuationsAsynchronously));
        Say($"bus {JsonSerializer.Serialize(orders)}");
    }

    public void Say(string line) => _toSay.Writer.TryWrite(line);

    /// <summary>Ends its part in a trial; it can be given to the next one.</summary>
    /// <returns>False: it did not answer.</returns>
    public async Task<bool> EndAsync()
    {
        Say("end");
        try { await _ended.Task.WaitAsync(s_deadline); }
        catch (TimeoutException) { return false; }
        _heard = (_, _, _) => { };
        return true;
    }

    /// <summary>kill -9. Ends when all it has said was heard.</summary>
    public async Task KillAsync()
    {
        IsAlive = false;
        await _process.KillAsync();
        await _talking;
    }

    /// <summary>SIGSTOP.</summary>
    public Task PauseAsync() => _process.PauseAsync();

    /// <summary>SIGCONT.</summary>
    public void Resume() => _process.Resume();

    public string LogTail(int lines = 10) => _process.LogTail(lines);

    public async ValueTask DisposeAsync()
    {
        IsAlive = false;
        await _process.DisposeAsync();
        await _talking;
        Directory.Delete(_directory, recursive: true);
    }

    private async Task TalkAsync(TcpClient client)
    {
        using var _ = client;
        using var over = new CancellationTokenSource();
        var saying = SayAsync(client.GetStream(), over.Token);
        using var reader = new StreamReader(client.GetStream());
        try
        {
            while (await reader.ReadLineAsync(CancellationToken.None) is { } line)
            {
                if (!line.EndsWith(';')) break;             // killed while it spoke
                var words = line[..^1].Split(' ');
                if (words[0] == "ended") _ended.TrySetResult();
                else _heard(this, words[0], words[1..]);
            }
        }
        catch (IOException) when (!IsAlive || !_process.IsRunning) { }     // the connection was reset with the process
        await over.CancelAsync();
        await saying;
    }

    private async Task SayAsync(NetworkStream stream, CancellationToken over)
    {
        await using var writer = new StreamWriter(stream) { AutoFlush = true, NewLine = ";\n" };
        try
        {
            await foreach (var line in _toSay.Reader.ReadAllAsync(over)) await writer.WriteLineAsync(line.AsMemory(), over);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException) { }      // nobody is there to hear it
    }
}

/// <summary>Where workers call in.</summary>
internal sealed class Switchboard : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<string, TaskCompletionSource<TcpClient>> _expected = [];
    private readonly Task _accepting;

    public Switchboard()
    {
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public static string DotNet { get; } = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "../../../dotnet"));

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public void Expect(string token, TaskCompletionSource<TcpClient> called) => _expected[token] = called;

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            TcpClient client;
            try { client = await _listener.AcceptTcpClientAsync(); }
            catch (Exception e) when (e is SocketException or ObjectDisposedException) { return; }
            client.NoDelay = true;
            var hello = new byte[64];                       // "hello token;\n" comes in one piece: it is the first and short
            var length = await client.GetStream().ReadAsync(hello);
            var words = System.Text.Encoding.ASCII.GetString(hello, 0, length).TrimEnd().TrimEnd(';').Split(' ');
            if (words is ["hello", var token] && _expected.TryRemove(token, out var called)) called.SetResult(client);
            else client.Dispose();
        }
    }
}

/// <summary>Workers that wait for a trial: starting one takes longer than a trial.</summary>
internal sealed class WorkerPool : IAsyncDisposable
{
    private const int Waiting = 2;
    private readonly Switchboard _calls = new();
    private readonly Queue<Task<WorkerProcess>> _waiting = [];

    public async Task<WorkerProcess> TakeAsync()
    {
        while (_waiting.Count <= Waiting) _waiting.Enqueue(WorkerProcess.StartAsync(_calls));
        return await _waiting.Dequeue();
    }

    /// <returns>False: it did not end its part in the trial, and was killed.</returns>
    public async Task<bool> GiveBackAsync(WorkerProcess worker)
    {
        var ended = await worker.EndAsync();
        if (ended) _waiting.Enqueue(Task.FromResult(worker));
        else await worker.KillAsync();
        return ended;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in _waiting) await (await worker).DisposeAsync();
        await _calls.DisposeAsync();
    }
}

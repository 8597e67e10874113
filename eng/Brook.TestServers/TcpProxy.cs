using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Brook.TestServers;

/// <summary>A network between a client and a server that does what it is told. Everything may be called and set at any time, from any thread.</summary>
public sealed class TcpProxy : IAsyncDisposable
{
    private readonly string _host;
    private readonly int _port;
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<Link, Task> _links = [];
    private TcpListener? _listener;
    private Task _accepting = Task.CompletedTask;
    private TaskCompletionSource _flow = Flowing();
    private LostReply? _toLose;
    private volatile bool _dropReplies;
    private long _delay, _cutEvery, _segment, _accepted, _cuts, _lostReplies, _writes;

    private TcpProxy(string host, int port) => (_host, _port) = (host, port);

    /// <summary>A proxy before a server; the server need not be there yet: until then connections are taken and reset.</summary>
    public static TcpProxy Start(string host, int port)
    {
        var proxy = new TcpProxy(host, port);
        for (var attempt = 1; ; attempt++)
        {
            proxy.Port = FreePort.Next();
            try { proxy.Listen(); return proxy; }
            catch (SocketException e) when (attempt < 5 && e.SocketErrorCode == SocketError.AddressAlreadyInUse) { }
        }
    }

    /// <summary>The loopback address.</summary>
    public string Host { get; } = "127.0.0.1";

    /// <summary>The port that clients connect to.</summary>
    public int Port { get; private set; }

    /// <summary>host:port for clients.</summary>
    public string ConnectionString => $"{Host}:{Port}";

    /// <summary>Connections that are open now.</summary>
    public int Connections => _links.Count;

    /// <summary>Connections that were taken so far.</summary>
    public long Accepted => Interlocked.Read(ref _accepted);

    /// <summary>Connections that were cut so far (not those that an end closed).</summary>
    public long Cuts => Interlocked.Read(ref _cuts);

    /// <summary>Pieces of replies that were swallowed so far.</summary>
    public long LostReplies => Interlocked.Read(ref _lostReplies);

    /// <summary>Pieces that were passed on so far, both ways.</summary>
    public long Segments => Interlocked.Read(ref _writes);

    /// <summary>Nobody listens: new connections are refused. Open ones stay.</summary>
    public bool RefuseNew
    {
        get { lock (_lock) return _listener is null; }
        set { lock (_lock) { if (!value) Listen(); else Deafen(); } }
    }

    /// <summary>Nothing is passed on, either way; connections stay open, and new ones are taken. Nothing is lost: it flows when this is taken back.</summary>
    public bool Stall
    {
        get { lock (_lock) return !_flow.Task.IsCompleted; }
        set
        {
            lock (_lock)
            {
                if (!value) _flow.TrySetResult();
                else if (_flow.Task.IsCompleted) _flow = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }

    /// <summary>Requests are passed on, replies are swallowed. When this is taken back, the connections that lost something are cut: they would be out of step.</summary>
    public bool DropReplies
    {
        get => _dropReplies;
        set
        {
            _dropReplies = value;
            if (!value) foreach (var link in _links.Keys.Where(link => link.HasLost)) Cut(link);
        }
    }

    /// <summary>How long each piece that was read (up to 16 KB) is held before it is passed on, each way.</summary>
    public TimeSpan Delay { get => TimeSpan.FromTicks(Interlocked.Read(ref _delay)); set => Interlocked.Exchange(ref _delay, value.Ticks); }

    /// <summary>A connection is cut when it has passed on this many bytes, both ways together, exactly there; 0 is never.</summary>
    public long CutEveryBytes { get => Interlocked.Read(ref _cutEvery); set => Interlocked.Exchange(ref _cutEvery, value); }

    /// <summary>What is passed on is cut into segments of at most this many bytes; 0 leaves it as it comes.</summary>
    public int SegmentSize { get => (int)Interlocked.Read(ref _segment); set => Interlocked.Exchange(ref _segment, value); }

    /// <summary>Resets all open connections, on both sides.</summary>
    /// <returns>How many those were.</returns>
    public int CutAll() => _links.Keys.Count(Cut);

    /// <summary>Swallows all replies for a while, then cuts all connections.</summary>
    public async Task DropRepliesAsync(TimeSpan time)
    {
        DropReplies = true;
        try { await Task.Delay(time); }
        finally
        {
            CutAll();
            DropReplies = false;
        }
    }

    /// <summary>Swallows the next reply and cuts its connection: the server has done it, and the client does not know. Replaces an earlier wish that has not come true.</summary>
    /// <param name="request">Only a reply that comes after a request with this text was passed on. On a connection that has other requests under way it may be the reply to one of those.</param>
    /// <returns>Ends when it has happened.</returns>
    public Task LoseNextReplyAsync(string? request = null)
    {
        var lost = new LostReply(request is null ? null : System.Text.Encoding.UTF8.GetBytes(request));
        Interlocked.Exchange(ref _toLose, lost)?.Done.TrySetCanceled();
        return lost.Done.Task;
    }

    /// <summary>Until cancelled: at random moments either cuts all connections, or swallows replies for a while and then cuts. The same seed gives the same sequence of pauses and kinds.</summary>
    /// <returns>The number of such moments; being cancelled is the normal end.</returns>
    public async Task<int> ChaosAsync(int seed, TimeSpan meanInterval, CancellationToken cancellationToken)
    {
        var random = new Random(seed);
        for (var moments = 0; ; moments++)
        {
            var pause = meanInterval * Math.Min(-Math.Log(1 - random.NextDouble()), 5);
            var (dropsReplies, swallows) = (random.Next(2) == 0, meanInterval * random.NextDouble() / 2);
            await Task.Delay(pause, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (cancellationToken.IsCancellationRequested) return moments;
            if (dropsReplies) await DropRepliesAsync(swallows);
            else CutAll();
        }
    }

    /// <summary>Cuts everything and stops listening.</summary>
    public async ValueTask DisposeAsync()
    {
        RefuseNew = true;
        await _accepting;
        CutAll();
        await Task.WhenAll(_links.Values);
        Interlocked.Exchange(ref _toLose, null)?.Done.TrySetCanceled();
    }

    private void Listen()
    {
        if (_listener is not null) return;
        var listener = new TcpListener(IPAddress.Loopback, Port);
        listener.Start();
        (_listener, _accepting) = (listener, Task.WhenAll(_accepting, AcceptAsync(listener)));
    }

    private void Deafen()
    {
        _listener?.Dispose();
        _listener = null;
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        while (true)
        {
            Socket client;
            try { client = await listener.AcceptSocketAsync(); }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException) { return; }   // no longer listening
            Interlocked.Increment(ref _accepted);
            var link = new Link(client);
            var start = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (_lock)
            {
                if (_listener == listener) _links[link] = RunAsync(link, start.Task);
                else link.Abort();      // told to refuse meanwhile: whoever cuts all after that finds all
            }
            start.SetResult();
        }
    }

    private async Task RunAsync(Link link, Task start)
    {
        await start;
        try
        {
            await link.Server.ConnectAsync(_host, _port, link.IsCut);
            await Task.WhenAll(PassAsync(link, link.Client, link.Server, isReply: false), PassAsync(link, link.Server, link.Client, isReply: true));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException) { link.Abort(); }   // an end went away, or the link was cut
        finally
        {
            _links.TryRemove(link, out _);
            link.Dispose();
        }
    }

    private async Task PassAsync(Link link, Socket from, Socket to, bool isReply)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (true)
            {
                var piece = buffer.AsMemory(0, await from.ReceiveAsync(buffer, link.IsCut));
                if (Delay is var delay && delay > TimeSpan.Zero) await Task.Delay(delay, link.IsCut);
                await Flow().WaitAsync(link.IsCut);
                if (piece.IsEmpty) break;
                if (isReply && IsLost(link)) continue;
                if (!isReply && Volatile.Read(ref _toLose) is { Request: { } text } lost && piece.Span.IndexOf(text) >= 0) link.ToLose = lost;
                await SendAsync(link, to, piece);
            }
            to.Shutdown(SocketShutdown.Send);
        }
        catch { link.Abort(); throw; }      // so that the other direction ends too
    }

    private async Task SendAsync(Link link, Socket to, ReadOnlyMemory<byte> piece)
    {
        while (!piece.IsEmpty)
        {
            var next = SegmentSize is > 0 and var size && size < piece.Length ? piece[..size] : piece;
            var cut = link.Take(next.Length, CutEveryBytes, out var allowed);
            for (next = next[..allowed]; !next.IsEmpty;)
            {
                var sent = await to.SendAsync(next, link.IsCut);
                (next, piece) = (next[sent..], piece[sent..]);
            }
            Interlocked.Increment(ref _writes);
            if (cut)
            {
                Cut(link);
                return;
            }
            if (!piece.IsEmpty) await Task.Yield();
        }
    }

    // Whether this piece of a reply is swallowed.
    private bool IsLost(Link link)
    {
        var wish = Volatile.Read(ref _toLose);
        if (wish is not null && (wish.Request is null || link.ToLose == wish) && Interlocked.CompareExchange(ref _toLose, null, wish) == wish)
        {
            Interlocked.Increment(ref _lostReplies);
            Cut(link);
            wish.Done.TrySetResult();
            return true;
        }
        if (!_dropReplies) return false;
        link.HasLost = true;
        Interlocked.Increment(ref _lostReplies);
        if (!_dropReplies) Cut(link);       // taken back just now, perhaps before this link was known to have lost something
        return true;
    }

    private bool Cut(Link link)
    {
        if (!link.Claim()) return false;
        Interlocked.Increment(ref _cuts);       // before the client can see it
        link.Reset();
        return true;
    }

    private Task Flow() { lock (_lock) return _flow.Task; }

    private static TaskCompletionSource Flowing()
    {
        var flow = new TaskCompletionSource();
        flow.SetResult();
        return flow;
    }

    private sealed class LostReply(byte[]? request)
    {
        public byte[]? Request => request;
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    // A connection of a client and the one to the server that belongs to it.
    private sealed class Link : IDisposable
    {
        private readonly CancellationTokenSource _cut = new();
        private long _passed;
        private int _aborted;
        private volatile bool _hasLost;
        private volatile LostReply? _toLose;

        public Link(Socket client)
        {
            (Client, Server) = (client, new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
            Client.NoDelay = Server.NoDelay = true;
            IsCut = _cut.Token;
        }

        public Socket Client { get; }
        public Socket Server { get; }
        public CancellationToken IsCut { get; }
        public bool HasLost { get => _hasLost; set => _hasLost = value; }
        public LostReply? ToLose { get => _toLose; set => _toLose = value; }

        // How much of this may be passed on before the link is cut, and whether it is cut then.
        public bool Take(int bytes, long limit, out int allowed)
        {
            var before = Interlocked.Add(ref _passed, bytes) - bytes;
            allowed = limit <= 0 ? bytes : (int)Math.Clamp(limit - before, 0, bytes);
            return limit > 0 && before + bytes >= limit;
        }

        // True for the first who wants to reset it.
        public bool Claim() => Interlocked.Exchange(ref _aborted, 1) == 0;

        public void Abort()
        {
            if (Claim()) Reset();
        }

        // Both connections; only for whom it was claimed.
        public void Reset()
        {
            foreach (var socket in (ReadOnlySpan<Socket>)[Client, Server])
            {
                try { socket.LingerState = new(true, 0); }
                catch (Exception e) when (e is SocketException or ObjectDisposedException) { }      // it is gone already
                socket.Dispose();
            }
            _cut.Cancel();
        }

        public void Dispose()
        {
            Client.Dispose();
            Server.Dispose();
        }
    }
}

namespace Brook.Sqlite;

/// <summary>
/// The one who writes: a thread with the writing connection. What has come in while it wrote goes into one transaction, one write to the disk for all of it; should that fail, each call gets
/// a transaction of its own, so that none pays for another.
/// </summary>
internal sealed class Writer : IAsyncDisposable
{
    private const int MostTogether = 64;
    private readonly Lock _starting = new();
    private readonly object _gate = new();                      // Monitor: the thread waits on it
    private readonly Queue<WriteCall> _queue = [];
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string _path;
    private readonly TimeSpan _patience;
    private readonly TimeProvider _time;
    private readonly SqliteSignals _signals;
    private Database? _database;
    private Changes? _changes;
    private bool _stopping;

    public Writer(string path, TimeSpan patience, TimeProvider time, SqliteSignals signals) => (_path, _patience, _time, _signals) = (path, patience, time, signals);

    public bool IsStarted => Volatile.Read(ref _changes) is not null;

    /// <summary>From now on the connection is the thread's.</summary>
    public void Start(Database database)
    {
        lock (_starting)
        {
            var changes = new Changes(database);
            new Thread(Run) { IsBackground = true, Name = "Brook.Sqlite writer" }.Start();
            _database = database;
            Volatile.Write(ref _changes, changes);
        }
    }

    public Task Enqueue(WriteCall call)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopping, typeof(SqliteViewStore));
            if (!IsStarted) throw new InvalidOperationException("The store was not started: call StartAsync first.");
            _queue.Enqueue(call);
            Monitor.Pulse(_gate);
        }
        return call.Task;
    }

    /// <summary>What is queued is written first.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _stopping = true;
            Monitor.PulseAll(_gate);
        }
        if (!IsStarted) return;
        await _ended.Task.ConfigureAwait(false);
        _database!.Dispose();
    }

    private void Run()
    {
        var group = new List<WriteCall>(MostTogether);
        while (Take(group))
        {
            try { Write(group); }
            catch (Exception e) when (group.Count == 1 || e is not BrookException || e.InnerException is BusyException) { Fail(group, e); }
            catch (BrookException) { WriteEach(group); }
        }
        _ended.SetResult();
    }

    private bool Take(List<WriteCall> group)
    {
        group.Clear();
        lock (_gate)
        {
            while (_queue.Count == 0)
            {
                if (_stopping) return false;
                Monitor.Wait(_gate);
            }
            while (group.Count < MostTogether && _queue.TryDequeue(out var call)) group.Add(call);
        }
        return true;
    }

    private void WriteEach(List<WriteCall> group)
    {
        foreach (var call in group)
        {
            List<WriteCall> alone = [call];
            try { Write(alone); }
            catch (Exception e) { Fail(alone, e); }
        }
    }

    /// <summary>Writes all and answers all, or throws and has written nothing.</summary>
    private void Write(List<WriteCall> group)
    {
        for (var patience = new Patience(_path, _patience); ;)
        {
            DropCancelled(group);
            if (group.Count == 0) return;
            try
            {
                WriteOnce(group);
                break;
            }
            catch (BusyException e)
            {
                Pause(patience.Pause(e));
            }
        }
        foreach (var call in group)
        {
            if (call.Commit is { } commit && call.Answer.IsCommitted) _signals.Committed(commit);       // before the answer: the commit's memory is its caller's again then
            call.TrySetResult(call.Answer);
        }
    }

    private void WriteOnce(List<WriteCall> group)
    {
        if (!File.Exists(_path)) throw SqliteFailure.Gone(_path);
        _changes!.Begin(_time);
        try
        {
            foreach (var call in group)
                if (call.Commit is null) call.Swept = _changes.Sweep();
                else call.Answer = _changes.Apply(call.Commit);
            _changes.Commit();
        }
        catch (Exception e)
        {
            _changes.Rollback();
            if (e is FullException) _database!.TryToShortenLog();
            throw;
        }
    }

    private void Pause(int milliseconds)
    {
        lock (_gate)
            if (!_stopping) Monitor.Wait(_gate, milliseconds);
    }

    private static void DropCancelled(List<WriteCall> group)
    {
        foreach (var call in group)
            if (call.CancellationToken.IsCancellationRequested) call.TrySetCanceled(call.CancellationToken);
        group.RemoveAll(static call => call.CancellationToken.IsCancellationRequested && call.Task.IsCompleted);
    }

    private static void Fail(List<WriteCall> group, Exception error)
    {
        foreach (var call in group) call.TrySetException(error);
    }
}

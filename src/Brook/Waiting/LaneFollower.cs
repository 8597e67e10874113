using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>
/// Follows one lane in the store for all who wait for it in this process: looks when the lane's entry changes, and now and again in case a signal got lost. While nobody waits it does nothing, and
/// ends after a while. A lane that is open here answers by itself; who waits long is a reason to look whether another process has claimed it.
/// </summary>
internal sealed class LaneFollower(BrookEngine engine, LaneProgress progress)
{
    /// <summary>The next look when nothing was signalled.</summary>
    public static readonly TimeSpan Backstop = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(10), s_longestOutage = TimeSpan.FromSeconds(5), s_watchAgain = TimeSpan.FromSeconds(5), s_idle = TimeSpan.FromSeconds(10);
    private readonly ChangeSignal _signal = new();
    private readonly FollowedLane _lane = new(engine.Store, progress, engine.Options.RememberedMessages);
    private IAsyncDisposable? _watch;
    private long? _askedToWatch, _lost;                         // when; the epoch that this process had, and has no more
    private int _failures, _unchanged, _unwatched;
    private volatile bool _followsStore, _isWaitedFor;

    /// <summary>The lane is read from the store: a signal is a look.</summary>
    public bool FollowsStore => _followsStore;

    public void Signal() => _signal.Set();

    public void Start()
    {
        var held = engine.HoldProgress(progress.Lane);          // by whoever starts it as well, so it is this one
        engine.Run(async stop =>
        {
            try { await FollowAsync(stop).ConfigureAwait(false); }
            catch (OperationCanceledException) when (stop.IsCancellationRequested) { return; }
            finally
            {
                await UnwatchAsync().ConfigureAwait(false);
                engine.Release(held);
            }
        });
    }

    private async Task FollowAsync(CancellationToken stop)
    {
        for (var lastWaited = engine.Time.GetTimestamp(); ;)
        {
            var oldest = progress.Oldest;
            _isWaitedFor = oldest is not null;
            if (oldest is null)
            {
                if ((!_lane.IsThere && progress.OwnEpoch is null) || engine.Time.GetElapsedTime(lastWaited) >= s_idle)
                    if (progress.TryEnd()) return;              // what is known of a lane that is there is kept a little for the next who waits
                await PauseAsync(Backstop, stop).ConfigureAwait(false);
                continue;
            }
            lastWaited = engine.Time.GetTimestamp();
            if (progress.OwnEpoch is { } epoch && epoch != _lost)
            {
                _followsStore = false;
                await UnwatchAsync().ConfigureAwait(false);
                if (!await PauseAsync(Backstop, stop).ConfigureAwait(false) && progress.Oldest == oldest && !await IsStillOursAsync(epoch, stop).ConfigureAwait(false)) _lost = epoch;
                continue;
            }
            _followsStore = true;
            await LookAsync(stop).ConfigureAwait(false);
            if (progress.Oldest is not null) await PauseAsync(NextLook, stop).ConfigureAwait(false);
        }
    }

    /// <summary>With signals seldom; without them often at first, and when the store is away as lanes do.</summary>
    private TimeSpan NextLook => _failures > 0 ? Backoff.Until(_failures, engine.Options.RetryDelay, s_longestOutage)
        : _watch is not null ? Backstop
        : Backoff.Until(_unchanged + 1, s_firstPause, Backstop);

    private ValueTask<bool> PauseAsync(TimeSpan limit, CancellationToken stop) => _signal.WaitAsync(limit, engine.Time, stop);

    private async ValueTask LookAsync(CancellationToken stop)
    {
        try
        {
            await engine.StartStoreAsync(stop).ConfigureAwait(false);
            if (_watch is null) await WatchAsync(stop).ConfigureAwait(false);       // before the look, so nothing falls between
            _unchanged = await _lane.LookAsync(stop).ConfigureAwait(false) ? 0 : _unchanged + 1;
            Back();
        }
        catch (Exception e) when (!stop.IsCancellationRequested) { Away(e); }
    }

    private async ValueTask WatchAsync(CancellationToken stop)
    {
        if (engine.Store is not IViewStoreSignals signals || (_askedToWatch is { } asked && engine.Time.GetElapsedTime(asked) < s_watchAgain)) return;
        _askedToWatch = engine.Time.GetTimestamp();
        try
        {
            _watch = await signals.WatchAsync(new(LaneState.Collection, progress.Lane), OnChanged, stop).ConfigureAwait(false);
            _unwatched = 0;
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            if (_unwatched++ == 0) Log.NotToldOfChanges(engine.Logger, progress.Lane, e);
        }
    }

    private void OnChanged()
    {
        if (_isWaitedFor) _signal.Set();
    }

    private async ValueTask<bool> IsStillOursAsync(long epoch, CancellationToken stop)
    {
        try
        {
            var (_, state) = await _lane.ReadSelfAsync(stop).ConfigureAwait(false);
            Back();
            return state.Epoch == epoch || progress.OwnEpoch != epoch;
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            Away(e);
            return true;
        }
    }

    private void Away(Exception e) => PatientStore.LogFailure(engine.Logger, progress.Lane, ++_failures, e);

    private void Back()
    {
        if (_failures == 0) return;
        _failures = 0;
        Log.StoreBack(engine.Logger, progress.Lane);
    }

    private async ValueTask UnwatchAsync()
    {
        if (Interlocked.Exchange(ref _watch, null) is not { } watch) return;
        try { await watch.DisposeAsync().ConfigureAwait(false); }
        catch (BrookException e) { Log.NotToldOfChanges(engine.Logger, progress.Lane, e); }
        _askedToWatch = null;
    }
}

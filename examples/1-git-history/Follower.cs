using System.Diagnostics.CodeAnalysis;
using Brook;

namespace GitHistory;

/// <summary>What was sent, for who follows it into the view.</summary>
public readonly record struct Sent(Receipt Receipt, int Number);

/// <summary>
/// Sends, and follows what was sent into the view. In one process Brook says when an event is in the view. Events that another process handles are followed
/// through the view that both share: each call ends with an event for each partition, which is in the view after all that were sent before it.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "Nobody asks the semaphore for its handle.")]
public sealed class Follower(IBrook brook, IBrookView view, bool isDurable, bool isShared)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);
    private readonly SemaphoreSlim _turn = new(1);
    private readonly string _run = Guid.NewGuid().ToString("N");
    private readonly Dictionary<string, string> _keys = [];       // of each partition, by its lane
    private int _number;

    public async Task<Sent> SendAsync(IEnumerable<BrookEvent> events, CancellationToken cancellationToken)
    {
        if (!isShared) return new(await brook.SendManyAsync(events, cancellationToken), 0);
        await _turn.WaitAsync(cancellationToken);                 // numbers in the order in which they are sent
        try
        {
            for (var i = 0; _keys.Count < Setup.Partitions; i++) _keys.TryAdd((await brook.SendAsync(Passed($"partition-{i}"), cancellationToken)).Spans[0].Lane, $"partition-{i}");
            _number++;
            return new(await brook.SendManyAsync([.. events, .. _keys.Values.Select(Passed)], cancellationToken), _number);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <exception cref="GitException">The view does not follow.</exception>
    public async Task FollowAsync(Sent sent, CancellationToken cancellationToken)
    {
        if (isShared)
        {
            while (!await IsInViewAsync(sent.Number, cancellationToken)) await Task.Delay(s_pause, cancellationToken);
        }
        // A store outside this process may be away for as long as it likes.
        else if (await view.WaitForAsync(sent.Receipt, isDurable ? Timeout.InfiniteTimeSpan : TimeSpan.FromMinutes(5), cancellationToken) == WaitResult.TimedOut)
            throw new GitException("The view has not followed for five minutes. Its log on standard error may say why.");
    }

    private async Task<bool> IsInViewAsync(int number, CancellationToken cancellationToken)
    {
        try
        {
            var passed = await view.GetManyAsync(HistoryHandler.Passed, _keys.Values, cancellationToken);
            return passed.Values.Count(entry => entry!.Run == _run && entry.Number >= number) == Setup.Partitions;
        }
        catch (BrookException e) when (e.IsTransient)
        {
            return false;
        }
    }

    private BrookEvent<HistoryPassed> Passed(string key) => new("history:passed", new(_run, _number)) { Key = key };
}

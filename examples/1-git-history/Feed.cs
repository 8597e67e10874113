using System.Threading.Channels;
using Brook;

namespace GitHistory;

/// <summary>How far the history is: commits, and events (one per commit and one per file changed).</summary>
public readonly record struct Progress(int Commits, int Events);

/// <summary>Sends the history through Brook and follows it into the view.</summary>
public sealed class Feed(Follower follower, Repository repository)
{
    private const int Chunk = 500, InFlight = 32;

    /// <summary>Ends when every event is in the view. <paramref name="applied"/> hears of each chunk that is.</summary>
    /// <param name="found">What the view has already; its commit is empty when that is nothing.</param>
    /// <param name="mark">Whether the view outlives this process: then it is told how far it is, and events carry ids that are the same in every run, so that those sent again count once.</param>
    /// <param name="applied">Told of progress.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="GitException">git fails, or the view does not follow.</exception>
    public async Task<Progress> RunAsync(HistoryRead found, bool mark, Action<Progress> applied, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        found = found with { Head = repository.Head };
        if (mark) await follower.FollowAsync(await MarkAsync(found, stop.Token), stop.Token);       // before its first event: a run that is killed says whose events it left
        var sent = Channel.CreateBounded<(Sent Sent, Progress UpTo, HistoryRead Read)>(InFlight);
        var sending = Task.Run(() => SendAsync(found, mark, sent.Writer, stop.Token), CancellationToken.None);
        var (done, read) = (default(Progress), found);
        try
        {
            await foreach (var chunk in sent.Reader.ReadAllAsync(stop.Token))
            {
                await follower.FollowAsync(chunk.Sent, stop.Token);
                if (mark && chunk.Read != read) await MarkAsync(read = chunk.Read, stop.Token);
                applied(done = chunk.UpTo);
            }
            if (read != found) await follower.FollowAsync(await MarkAsync(read, stop.Token), stop.Token);
        }
        finally
        {
            await stop.CancelAsync();
            await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        return done;
    }

    private async Task SendAsync(HistoryRead read, bool ids, ChannelWriter<(Sent, Progress, HistoryRead)> sent, CancellationToken cancellationToken)
    {
        try
        {
            var upTo = default(Progress);
            foreach (var chunk in repository.Read(GitLog.Command, read.Commit.Length > 0 ? read.Commit : null, output => GitLog.Parse(output, ids), cancellationToken).Chunk(Chunk))
            {
                foreach (var e in chunk)
                    if (e is BrookEvent<CommitMade> made) read = read with { Commit = made.Data.Commit.Id, Commits = read.Commits + 1 };        // all of it was before this event
                upTo = new(upTo.Commits + chunk.Count(e => e is BrookEvent<CommitMade>), upTo.Events + chunk.Length);
                await sent.WriteAsync((await follower.SendAsync(chunk, cancellationToken), upTo, read), cancellationToken);
            }
            sent.Complete();
        }
        catch (Exception e)
        {
            sent.Complete(e);                                   // the reader throws it
        }
    }

    private Task<Sent> MarkAsync(HistoryRead read, CancellationToken cancellationToken)
        => follower.SendAsync([new BrookEvent<HistoryRead>("history:read", read) { Key = HistoryHandler.Key }], cancellationToken);
}

using System.Threading.Channels;
using Brook;

namespace GitHistory;

/// <summary>How far the history is: commits, and events (one per commit and one per file changed).</summary>
public readonly record struct Progress(int Commits, int Events);

/// <summary>Sends the history through Brook and follows it into the view.</summary>
public static class Feed
{
    private const int Chunk = 500, InFlight = 32;

    /// <summary>Ends when every event is in the view. <paramref name="applied"/> hears of each chunk that is.</summary>
    /// <exception cref="GitException">git fails, or the view does not follow.</exception>
    public static async Task<Progress> RunAsync(IBrook brook, IBrookView view, Repository repository, Action<Progress> applied, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var sent = Channel.CreateBounded<(Receipt Receipt, Progress UpTo)>(InFlight);
        var sending = Task.Run(SendAsync, CancellationToken.None);
        var done = default(Progress);
        try
        {
            await foreach (var (receipt, upTo) in sent.Reader.ReadAllAsync(stop.Token))
            {
                if (await view.WaitForAsync(receipt, TimeSpan.FromMinutes(5), stop.Token) == WaitResult.TimedOut)
                    throw new GitException("The view has not followed for five minutes. Its log on standard error may say why.");
                applied(done = upTo);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        return done;

        async Task SendAsync()
        {
            try
            {
                var upTo = default(Progress);
                foreach (var chunk in repository.Read(GitLog.Command, GitLog.Parse, stop.Token).Chunk(Chunk))
                {
                    upTo = new(upTo.Commits + chunk.Count(e => e is BrookEvent<CommitMade>), upTo.Events + chunk.Length);
                    await sent.Writer.WriteAsync((await brook.SendManyAsync(chunk, stop.Token), upTo), stop.Token);
                }
                sent.Writer.Complete();
            }
            catch (Exception e)
            {
                sent.Writer.Complete(e);                        // the reader throws it
            }
        }
    }
}

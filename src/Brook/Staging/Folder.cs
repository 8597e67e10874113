using Brook.Lanes;

namespace Brook;

/// <summary>Changes over values, in event order; a merge that throws fails its event, and what that event touched is folded again without it.</summary>
internal sealed class Folder(LaneContext lane, Failures failures)
{
    public async ValueTask FoldAsync(CancellationToken cancellationToken)
    {
        while (await lane.View.FoldAsync(cancellationToken).ConfigureAwait(false) is var (index, error))
            await failures.FailedAsync(index, error, cancellationToken).ConfigureAwait(false);
    }
}

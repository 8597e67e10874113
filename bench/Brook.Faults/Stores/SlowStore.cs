using Brook.Storage;

namespace Brook.Faults;

/// <summary>A store whose commits take up to so many milliseconds more, half before and half after: whoever is killed is killed in one.</summary>
internal sealed class SlowStore(IViewStore inner, int most) : StoreOver(inner)
{
    public override async ValueTask<CommitResult> CommitAsync(Commit commit, CancellationToken cancellationToken)
    {
        if (most == 0) return await Inner.CommitAsync(commit, cancellationToken);
        await Task.Delay(Random.Shared.Next((most / 2) + 1), cancellationToken);
        var result = await Inner.CommitAsync(commit, cancellationToken);
        await Task.Delay(Random.Shared.Next((most / 2) + 1), cancellationToken);
        return result;
    }
}

using Brook;

namespace GitHistory;

/// <summary>The view of the files has exactly the paths that git itself lists, or it is wrong.</summary>
public sealed record Proof(int Files, IReadOnlyList<string> Missing, IReadOnlyList<string> Surplus)
{
    public bool Holds => Missing.Count == 0 && Surplus.Count == 0;

    public static async Task<Proof> CheckAsync(IBrookView view, Repository repository, CancellationToken cancellationToken)
        => Compare(await view.GetAllAsync(FilesHandler.Files, cancellationToken: cancellationToken).Select(file => file.Key).ToListAsync(cancellationToken), repository.ListTree(cancellationToken));

    /// <summary>What a collection of sums adds up to: no commit is lost and none counts twice, however the partitions ran.</summary>
    public static async Task<Work> SumAsync(IBrookView view, ViewCollection<Work> collection, CancellationToken cancellationToken)
        => await view.GetAllAsync(collection, cancellationToken: cancellationToken).AggregateAsync(default(Work), (sum, entry) => new(sum.Commits + entry.Value.Commits, sum.Changes + entry.Value.Changes), cancellationToken);

    public static Proof Compare(IEnumerable<string> view, IEnumerable<string> tree)
    {
        var (keys, missing, files) = (view.ToHashSet(), new List<string>(), 0);
        foreach (var path in tree)
        {
            files++;
            if (!keys.Remove(Names.Key(path))) missing.Add(path);
        }
        return new(files, missing, [.. keys.Order(StringComparer.Ordinal)]);
    }
}

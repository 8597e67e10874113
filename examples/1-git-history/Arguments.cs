namespace GitHistory;

/// <summary>What the command line asks for.</summary>
public sealed record Arguments(string Path, string Store, string Redis, string? Namespace)
{
    public const string Usage = """
        usage: dotnet run --project examples/1-git-history [-- OPTIONS] [PATH]

          PATH               a directory in a git repository; default: the current one
          --store memory     keeps the view in this process (the default)
          --store redis      keeps it in Redis: the next run goes on where this one ended
          --redis SERVER     as StackExchange.Redis has it; default: localhost:6379
          --namespace NAME   what the keys in Redis begin with; default: git-history-, and the beginning of the first commit's hash
        """;

    private static readonly string[] s_stores = ["memory", "redis"];

    public bool IsDurable => Store != "memory";

    /// <summary>Null, and what is wrong, when it cannot be understood.</summary>
    public static Arguments? Parse(string[] args, out string? error)
    {
        error = null;
        var (path, named) = ((string?)null, new Dictionary<string, string>());
        for (var i = 0; i < args.Length && error is null; i++)
        {
            if (args[i] is "--store" or "--redis" or "--namespace")
            {
                if (i + 1 == args.Length || args[i + 1] is "" or ['-', ..]) error = $"{args[i]} needs a value.";
                else if (!named.TryAdd(args[i], args[++i])) error = $"{args[i - 1]} is there twice.";
            }
            else if (args[i] is ['-', ..]) error = $"There is no option '{args[i]}'.";
            else if (args[i].Length == 0) error = "PATH is empty.";
            else if (path is null) path = args[i];
            else error = $"There are two paths: '{path}' and '{args[i]}'.";
        }
        var store = named.GetValueOrDefault("--store", "memory");
        if (!s_stores.Contains(store)) error ??= $"There is no store '{store}'. Take one of: {string.Join(", ", s_stores)}.";
        if (store != "redis" && (named.ContainsKey("--redis") || named.ContainsKey("--namespace"))) error ??= "--redis and --namespace belong to --store redis.";
        return error is null ? new(path ?? ".", store, named.GetValueOrDefault("--redis", "localhost:6379"), named.GetValueOrDefault("--namespace")) : null;
    }
}

namespace GitHistory;

/// <summary>What the command line asks for.</summary>
public sealed record Arguments(string Path, string Transport, Uri RabbitMq, string Kafka, string Store, string Redis, string Postgres, string? Namespace, bool IsWorker, string? File = null)
{
    public const string Usage = """
        usage: dotnet run --project examples/1-git-history [-- OPTIONS] [PATH]

          PATH                  a directory in a git repository; default: the current one
          --transport memory    events travel in this process (the default)
          --transport rabbitmq  events travel over RabbitMQ, and several processes share the work; with --store redis or postgres
          --rabbitmq ADDRESS    default: amqp://guest:guest@localhost:5672/
          --transport kafka     events travel over Kafka, and several processes share the work; with --store redis
          --kafka SERVERS       host:port, several with commas between; default: localhost:9092
          --worker              only helps: handles events that a run for the same PATH and --namespace sends, until Ctrl+C
          --store memory        keeps the view in this process (the default)
          --store redis         keeps it in Redis: the next run goes on where this one ended
          --store sqlite        keeps it in a file, without a server; the next run goes on, too
          --path FILE           default: git-history-, the beginning of the first commit's hash, and .db
          --redis SERVER        as StackExchange.Redis has it; default: localhost:6379
          --store postgres      keeps it in PostgreSQL, likewise
          --postgres STRING     as Npgsql has it; default: Host=localhost;Username=postgres;Database=postgres
          --namespace NAME      what the keys in Redis begin with, the schema in PostgreSQL, and the stream's or topic's name; default: git-history-, and the beginning of the first commit's hash
        """;

    private const string Worker = "--worker";
    private static readonly string[] s_valued = ["--transport", "--rabbitmq", "--kafka", "--store", "--redis", "--postgres", "--namespace", "--path"], s_transports = ["memory", "rabbitmq", "kafka"], s_stores = ["memory", "redis", "sqlite", "postgres"];

    public bool IsDurable => Store != "memory";

    public bool IsOnBroker => Transport != "memory";

    /// <summary>Null, and what is wrong, when it cannot be understood.</summary>
    public static Arguments? Parse(string[] args, out string? error)
    {
        error = null;
        var (path, named, worker) = ((string?)null, new Dictionary<string, string>(), false);
        for (var i = 0; i < args.Length && error is null; i++)
        {
            if (s_valued.Contains(args[i]))
            {
                if (i + 1 == args.Length || args[i + 1] is "" or ['-', ..]) error = $"{args[i]} needs a value.";
                else if (!named.TryAdd(args[i], args[++i])) error = $"{args[i - 1]} is there twice.";
            }
            else if (args[i] == Worker) worker = true;
            else if (args[i] is ['-', ..]) error = $"There is no option '{args[i]}'.";
            else if (args[i].Length == 0) error = "PATH is empty.";
            else if (path is null) path = args[i];
            else error = $"There are two paths: '{path}' and '{args[i]}'.";
        }
        var (transport, store) = (named.GetValueOrDefault("--transport", "memory"), named.GetValueOrDefault("--store", "memory"));
        if (!s_transports.Contains(transport)) error ??= $"There is no transport '{transport}'. Take one of: {string.Join(", ", s_transports)}.";
        if (!s_stores.Contains(store)) error ??= $"There is no store '{store}'. Take one of: {string.Join(", ", s_stores)}.";
        foreach (var server in new[] { "redis", "postgres" })
            if (store != server && named.ContainsKey($"--{server}")) error ??= $"--{server} belongs to --store {server}.";
        if (store is "memory" or "sqlite" && named.ContainsKey("--namespace") && transport == "memory") error ??= "--namespace belongs to --store redis or postgres.";
        if (store != "sqlite" && named.ContainsKey("--path")) error ??= "--path belongs to --store sqlite.";
        foreach (var broker in s_transports[1..])
            if (transport != broker && named.ContainsKey($"--{broker}")) error ??= $"--{broker} belongs to --transport {broker}.";
        if (transport == "memory" && worker) error ??= $"{Worker} belongs to --transport {string.Join(" or ", s_transports[1..])}.";
        if (transport != "memory" && store == "memory") error ??= $"--transport {transport} needs a view that processes share, which --store memory is not. Add --store redis or postgres.";
        if (!Uri.TryCreate(named.GetValueOrDefault("--rabbitmq", "amqp://guest:guest@localhost:5672/"), UriKind.Absolute, out var rabbitMq) || rabbitMq.Scheme is not ("amqp" or "amqps"))
            error ??= $"--rabbitmq '{named["--rabbitmq"]}' is no address like amqp://user:password@host:5672/.";
        return error is null ? new(path ?? ".", transport, rabbitMq!, named.GetValueOrDefault("--kafka", "localhost:9092"), store, named.GetValueOrDefault("--redis", "localhost:6379"),
            named.GetValueOrDefault("--postgres", "Host=localhost;Username=postgres;Database=postgres"), named.GetValueOrDefault("--namespace"), worker, named.GetValueOrDefault("--path")) : null;
    }
}

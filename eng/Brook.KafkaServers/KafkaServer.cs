using System.Buffers.Text;
using System.Diagnostics;
using Brook.MassTransit.Kafka;
using Brook.TestServers;
using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace Brook.KafkaServers;

/// <summary>A real Apache Kafka (3.3 or newer) of its own: one node, broker and controller at once, on free loopback ports, in a directory that goes with it.</summary>
public sealed class KafkaServer : IAsyncDisposable
{
    /// <summary>Names the folder of an unpacked Apache Kafka.</summary>
    public const string HomeVariable = "KAFKA_HOME";

    private const int Attempts = 5;
    private static readonly TimeSpan s_startDeadline = TimeSpan.FromSeconds(90), s_stopDeadline = TimeSpan.FromSeconds(60), s_answerDeadline = TimeSpan.FromSeconds(10);
    private readonly string _home, _clusterId = NewClusterId();
    private readonly ServerProcess _process;
    private int _controllerPort;
    private string _data = "";

    private KafkaServer(string home)
    {
        NativeClient.Resolve();
        (_home, Directory) = (home, System.IO.Directory.CreateTempSubdirectory("brook-kafka-").FullName);
        _process = new(Directory);
    }

    /// <summary>Null when <see cref="StartAsync(CancellationToken)"/> can work on this machine; otherwise what is missing. Unlike other servers' it is no package, so tests are always skipped then.</summary>
    public static string? WhyNot { get; } = Missing(Environment.GetEnvironmentVariable(HomeVariable), Java());

    /// <summary>The loopback address.</summary>
    public string Host { get; } = "127.0.0.1";

    /// <summary>The port of the broker.</summary>
    public int Port { get; private set; }

    /// <summary>host:port, for clients.</summary>
    public string BootstrapServers => $"{Host}:{Port}";

    /// <summary>Where its files are, until it is disposed.</summary>
    public string Directory { get; }

    /// <summary>The process id of the last start: of Java itself.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Whether the process is there.</summary>
    public bool IsRunning => _process.IsRunning;

    /// <summary>Processor time, user and system, since the last start.</summary>
    public TimeSpan CpuTime => _process.CpuTime;

    /// <summary>Starts a broker and waits until it answers; that takes some seconds.</summary>
    /// <exception cref="InvalidOperationException">There is no Kafka, or it ended or did not answer in time: with the end of its log.</exception>
    public static Task<KafkaServer> StartAsync(CancellationToken cancellationToken = default)
        => WhyNot is { } reason ? throw new InvalidOperationException(reason) : StartAsync(Environment.GetEnvironmentVariable(HomeVariable)!, FreePort.Next, cancellationToken);

    internal static async Task<KafkaServer> StartAsync(string home, Func<int> nextPort, CancellationToken cancellationToken)
    {
        var server = new KafkaServer(home);
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                (server.Port, server._controllerPort, server._data) = (nextPort(), nextPort(), server.InDirectory($"data-{attempt}"));
                await File.WriteAllTextAsync(server.Properties, server.Configuration(), cancellationToken);
                await server.FormatAsync(cancellationToken);
                if (await server.TryRunAsync(attempt == Attempts, cancellationToken)) return server;
            }
        }
        catch { await server.DisposeAsync(); throw; }
    }

    /// <summary>Starts it again on its ports and with its files, after <see cref="StopAsync"/> when it still runs; waits until it answers.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken = default)
    {
        if (IsRunning) await StopAsync();
        for (var attempt = 1; !await TryRunAsync(attempt == Attempts, cancellationToken); attempt++) await Task.Delay(100 * attempt, cancellationToken);
    }

    /// <summary>kill -9, and waits until it has ended.</summary>
    public Task KillAsync() => _process.KillAsync();

    /// <summary>SIGTERM: it writes what it has and ends.</summary>
    public Task StopAsync() => _process.StopAsync(s_stopDeadline);

    /// <summary>Makes a topic, and waits until each partition has a leader.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="partitions">How many partitions.</param>
    /// <param name="config">As cleanup.policy=compact; null is as the broker likes it.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="CreateTopicsException">It was refused.</exception>
    /// <exception cref="TimeoutException">The partitions had no leaders within 10 s.</exception>
    public async Task CreateTopicAsync(string name, int partitions, IReadOnlyDictionary<string, string>? config = null, CancellationToken cancellationToken = default)
    {
        using var admin = Admin();
        await admin.CreateTopicsAsync([new() { Name = name, NumPartitions = partitions, ReplicationFactor = 1, Configs = config?.ToDictionary() }], new() { RequestTimeout = s_answerDeadline });
        for (var started = Stopwatch.GetTimestamp(); !HasLeaders(admin, name, partitions); await Task.Delay(20, cancellationToken))
            if (Stopwatch.GetElapsedTime(started) > s_answerDeadline) throw new TimeoutException($"The {partitions} partitions of {name} had no leaders within {s_answerDeadline.TotalSeconds} s.");
    }

    /// <summary>Removes a topic with its messages.</summary>
    public async Task DeleteTopicAsync(string name)
    {
        using var admin = Admin();
        await admin.DeleteTopicsAsync([name], new() { RequestTimeout = s_answerDeadline });
    }

    /// <summary>Removes the messages of a partition that are before an offset, as retention would.</summary>
    public async Task DeleteRecordsAsync(string topic, int partition, long before)
    {
        using var admin = Admin();
        await admin.DeleteRecordsAsync([new(topic, partition, before)], new() { RequestTimeout = s_answerDeadline });
    }

    /// <summary>The last lines of its log since the last start.</summary>
    public string LogTail(int lines = 80) => _process.LogTail(lines);

    /// <summary>Kills the process and deletes the directory.</summary>
    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        if (System.IO.Directory.Exists(Directory)) System.IO.Directory.Delete(Directory, recursive: true);
    }

    internal string Configuration() => $"""
        process.roles=broker,controller
        node.id=1
        controller.quorum.voters=1@{Host}:{_controllerPort}
        controller.listener.names=CONTROLLER
        inter.broker.listener.name=PLAINTEXT
        listeners=PLAINTEXT://{Host}:{Port},CONTROLLER://{Host}:{_controllerPort}
        advertised.listeners=PLAINTEXT://{Host}:{Port}
        listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
        log.dirs={_data}
        # There is one node, and little to do.
        default.replication.factor=1
        offsets.topic.replication.factor=1
        offsets.topic.num.partitions=1
        transaction.state.log.replication.factor=1
        transaction.state.log.min.isr=1
        transaction.state.log.num.partitions=1
        share.coordinator.state.topic.replication.factor=1
        share.coordinator.state.topic.min.isr=1
        num.network.threads=2
        num.io.threads=4
        # After a kill -9 the node is taken for alive, and may not come back, for so long.
        broker.heartbeat.interval.ms=500
        broker.session.timeout.ms=3000
        # Tests do not wait: groups begin at once and may have short sessions, retention is looked after every second.
        group.initial.rebalance.delay.ms=0
        group.min.session.timeout.ms=500
        group.consumer.min.session.timeout.ms=500
        group.consumer.min.heartbeat.interval.ms=100
        group.consumer.heartbeat.interval.ms=100
        log.initial.task.delay.ms=1000
        log.retention.check.interval.ms=1000
        """;

    internal static string? Missing(string? home, string? java) => string.IsNullOrEmpty(home) ? $"{HomeVariable} is not set: unpack Apache Kafka and name its folder"
        : Scripts.FirstOrDefault(script => !File.Exists(Path.Combine(home, "bin", script))) is { } script ? $"{HomeVariable} is {home}, where there is no bin/{script}: it has to be the folder of an unpacked Apache Kafka"
        : java is null ? "java, which Kafka needs, was not found: apt-get install openjdk-17-jre-headless"
        : null;

    private static string[] Scripts => ["kafka-server-start.sh", "kafka-storage.sh"];

    private static string? Java() => Environment.GetEnvironmentVariable("JAVA_HOME") is { Length: > 0 } home && Path.Combine(home, "bin", "java") is var java && File.Exists(java) ? java : Servers.Find("java");

    // As Kafka writes its ids. None begins with a dash, which would be an option.
    private static string NewClusterId()
    {
        var id = Guid.NewGuid().ToByteArray();
        id[0] = 0;
        return Base64Url.EncodeToString(id);
    }

    private string Properties => InDirectory("server.properties");

    private string InDirectory(string name) => Path.Combine(Directory, name);

    // The scripts replace themselves by Java, so that the process id is the broker's; they write to the folder of Kafka unless told otherwise.
    private ServerCommand Command(string script, params string[] arguments) => new(Path.Combine(_home, "bin", script), arguments)
    {
        Environment = new Dictionary<string, string>
        {
            ["LOG_DIR"] = InDirectory("logs"),
            ["KAFKA_HEAP_OPTS"] = "-Xmx512m",
            ["EXTRA_ARGS"] = "-name kafkaServer",       // without a log of the garbage collector
            ["JMX_PORT"] = "",
        },
    };

    private async Task FormatAsync(CancellationToken cancellationToken)
    {
        await using var format = new ServerProcess(Directory);
        await format.StartAsync(Command("kafka-storage.sh", "format", "-t", _clusterId, "-c", Properties));
        using var either = CancellationTokenSource.CreateLinkedTokenSource(format.Ended, cancellationToken);
        await Task.Delay(s_startDeadline, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        if (format.IsRunning) throw new InvalidOperationException($"kafka-storage.sh did not end within {s_startDeadline.TotalSeconds} s. The end of its log:\n{format.LogTail()}");
        if (format.ExitCode != 0) throw new InvalidOperationException($"kafka-storage.sh ended with code {format.ExitCode}. The end of its log:\n{format.LogTail()}");
    }

    // False when it ended because something else has a port, unless this is the last attempt.
    private async Task<bool> TryRunAsync(bool isLast, CancellationToken cancellationToken)
    {
        try
        {
            await _process.StartAsync(Command("kafka-server-start.sh", Properties));
            await AnswersAsync(cancellationToken);
            return true;
        }
        catch (InvalidOperationException) when (!isLast && !IsRunning && LogTail(int.MaxValue) is var log
            && (log.Contains("Address already in use", StringComparison.Ordinal) || log.Contains("Socket server failed to bind", StringComparison.Ordinal))) { return false; }
    }

    private async Task AnswersAsync(CancellationToken cancellationToken)
    {
        using var admin = Admin();
        for (var started = Stopwatch.GetTimestamp(); ; await Task.Delay(50, cancellationToken))
        {
            if (!IsRunning) throw new InvalidOperationException($"Kafka ended with code {_process.ExitCode} instead of answering. The end of its log:\n{LogTail()}");
            if (await IsOursAsync(admin, cancellationToken)) return;
            if (Stopwatch.GetElapsedTime(started) > s_startDeadline) throw new InvalidOperationException($"Kafka on {BootstrapServers} was not answering within {s_startDeadline.TotalSeconds} s. The end of its log:\n{LogTail()}");
        }
    }

    // What answers has to be our broker, which tells its cluster: another one may have been faster to take the port. And it has to be let in by its controller.
    private async Task<bool> IsOursAsync(IAdminClient admin, CancellationToken cancellationToken)
    {
        try
        {
            var cluster = await admin.DescribeClusterAsync(new() { RequestTimeout = TimeSpan.FromSeconds(2) }).WaitAsync(_process.Ended).WaitAsync(cancellationToken);
            return cluster.ClusterId == _clusterId && cluster.Nodes.Any(node => node.Port == Port);
        }
        catch (Exception e) when (e is KafkaException || e is OperationCanceledException && !cancellationToken.IsCancellationRequested) { return false; }
    }

    private static bool HasLeaders(IAdminClient admin, string topic, int partitions)
        => admin.GetMetadata(topic, s_answerDeadline).Topics is [var found] && found.Partitions.Count == partitions && found.Partitions.All(partition => partition.Leader >= 0);

    private IAdminClient Admin() => new AdminClientBuilder(new AdminClientConfig { BootstrapServers = BootstrapServers, ReconnectBackoffMs = 20, ReconnectBackoffMaxMs = 200 })
        .SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
}

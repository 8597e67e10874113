using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Brook.MassTransit.Kafka;

namespace Brook.KafkaServers;

/// <summary>A <see cref="MockKafkaCluster"/> in a process of its own, which ends when this process ends: its work is not in this process's time, and it outlives a client that is killed.</summary>
public sealed class MockKafkaProcess : IAsyncDisposable
{
    private const string Greeting = "bootstrap: ";
    private static readonly TimeSpan s_startDeadline = TimeSpan.FromSeconds(30), s_answerDeadline = TimeSpan.FromSeconds(10);
    private readonly SemaphoreSlim _oneQuestion = new(1);
    private readonly Process _process;
    private readonly Task<string> _errors;

    private MockKafkaProcess(Process process) => (_process, _errors) = (process, process.StandardError.ReadToEndAsync());

    /// <inheritdoc cref="MockKafkaCluster.BootstrapServers"/>
    public string BootstrapServers { get; private set; } = "";

    /// <summary>The process id.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Whether the process is there.</summary>
    public bool IsRunning => !_process.HasExited;

    /// <summary>Processor time of the process, user and system.</summary>
    public TimeSpan CpuTime => _process.TotalProcessorTime;

    /// <summary>Starts it and waits until it takes connections.</summary>
    /// <param name="brokers">How many; their ids are 1, 2 and so on.</param>
    /// <param name="topics">Topics to begin with, and their partitions.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="InvalidOperationException">It ended instead: with what it wrote.</exception>
    public static async Task<MockKafkaProcess> StartAsync(int brokers = 1, IReadOnlyDictionary<string, int>? topics = null, CancellationToken cancellationToken = default)
    {
        NativeClient.Resolve();     // for the clients of whoever asks
        string[] arguments = [typeof(MockKafkaProcess).Assembly.Location, "mock", "--brokers", Text(brokers), .. (topics ?? new Dictionary<string, int>()).SelectMany(topic => new[] { "--topic", $"{topic.Key}:{Text(topic.Value)}" })];
        var start = new ProcessStartInfo(Dotnet(), arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        var process = new MockKafkaProcess(Process.Start(start)!);
        try
        {
            var line = await process.ReadAsync(s_startDeadline, cancellationToken);
            if (!line.StartsWith(Greeting, StringComparison.Ordinal)) throw new InvalidOperationException($"The process of a mock cluster began with: {line}");
            process.BootstrapServers = line[Greeting.Length..];
            return process;
        }
        catch { await process.DisposeAsync(); throw; }
    }

    /// <inheritdoc cref="MockKafkaCluster.CreateTopic"/>
    public Task CreateTopicAsync(string name, int partitions, CancellationToken cancellationToken = default) => AskAsync($"topic {name} {Text(partitions)}", cancellationToken);

    /// <inheritdoc cref="MockKafkaCluster.DeleteTopic"/>
    public Task DeleteTopicAsync(string name, CancellationToken cancellationToken = default) => AskAsync($"delete-topic {name}", cancellationToken);

    /// <inheritdoc cref="MockKafkaCluster.DeleteRecords"/>
    public Task DeleteRecordsAsync(string topic, int partition, long before, CancellationToken cancellationToken = default) => AskAsync($"delete-records {topic} {Text(partition)} {Text(before)}", cancellationToken);

    /// <inheritdoc cref="MockKafkaCluster.SetLeader"/>
    public Task SetLeaderAsync(string topic, int partition, int broker, CancellationToken cancellationToken = default) => AskAsync($"leader {topic} {Text(partition)} {Text(broker)}", cancellationToken);

    /// <inheritdoc cref="MockKafkaCluster.BrokerDown"/>
    public Task BrokerDownAsync(int broker, CancellationToken cancellationToken = default) => AskAsync($"down {Text(broker)}", cancellationToken);

    /// <inheritdoc cref="MockKafkaCluster.BrokerUp"/>
    public Task BrokerUpAsync(int broker, CancellationToken cancellationToken = default) => AskAsync($"up {Text(broker)}", cancellationToken);

    /// <inheritdoc cref="MockKafkaCluster.RoundTrip"/>
    public Task RoundTripAsync(int broker, int milliseconds, CancellationToken cancellationToken = default) => AskAsync($"rtt {Text(broker)} {Text(milliseconds)}", cancellationToken);

    /// <inheritdoc cref="MockKafkaCluster.PushErrors"/>
    public Task PushErrorsAsync(short apiKey, params int[] errors) => AskAsync($"errors {Text(apiKey)} {string.Join(' ', errors.Select(error => Text(error)))}", CancellationToken.None);

    /// <inheritdoc cref="MockKafkaCluster.ClearErrors"/>
    public Task ClearErrorsAsync(short apiKey, CancellationToken cancellationToken = default) => AskAsync($"clear-errors {Text(apiKey)}", cancellationToken);

    /// <inheritdoc cref="MockKafkaCluster.InitialRebalanceDelay"/>
    public Task InitialRebalanceDelayAsync(int milliseconds, CancellationToken cancellationToken = default) => AskAsync($"rebalance-delay {Text(milliseconds)}", cancellationToken);

    /// <inheritdoc cref="MockKafkaCluster.ConsumerHeartbeat"/>
    public Task ConsumerHeartbeatAsync(int milliseconds, CancellationToken cancellationToken = default) => AskAsync($"heartbeat {Text(milliseconds)}", cancellationToken);

    /// <inheritdoc cref="MockKafkaCluster.ConsumerSession"/>
    public Task ConsumerSessionAsync(int milliseconds, CancellationToken cancellationToken = default) => AskAsync($"session {Text(milliseconds)}", cancellationToken);

    /// <inheritdoc cref="MockKafkaCluster.TrackRequests"/>
    public Task TrackRequestsAsync(CancellationToken cancellationToken = default) => AskAsync("track", cancellationToken);

    /// <inheritdoc cref="MockKafkaCluster.Requests"/>
    public async Task<IReadOnlyDictionary<short, int>> RequestsAsync(CancellationToken cancellationToken = default)
        => (await AskAsync("requests", cancellationToken)).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(count => count.Split(':'))
            .ToDictionary(count => short.Parse(count[0], CultureInfo.InvariantCulture), count => int.Parse(count[1], CultureInfo.InvariantCulture));

    /// <summary>kill -9: the cluster is gone with all messages. Waits until it has ended.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync().WaitAsync(s_answerDeadline);
    }

    /// <summary>Ends it by ending its input; kills it when that does not help.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            CloseInput();
            await _process.WaitForExitAsync().WaitAsync(s_answerDeadline);
        }
        catch (Exception e) when (e is TimeoutException or IOException) { _process.Kill(); }
        catch (InvalidOperationException) { return; }       // it was disposed already
        _process.Dispose();
        _oneQuestion.Dispose();
    }

    internal void CloseInput() => _process.StandardInput.Close();

    /// <summary>What the process answers after ok.</summary>
    /// <exception cref="InvalidOperationException">It answers error, or has ended.</exception>
    internal async Task<string> AskAsync(string question, CancellationToken cancellationToken)
    {
        await _oneQuestion.WaitAsync(cancellationToken);
        try
        {
            try { await _process.StandardInput.WriteLineAsync(question); await _process.StandardInput.FlushAsync(CancellationToken.None); }
            catch (IOException) { }     // it has ended: said below
            var answer = await ReadAsync(s_answerDeadline, CancellationToken.None);     // not cancelled half way: the next one would be given this answer
            return answer == "ok" || answer.StartsWith("ok ", StringComparison.Ordinal) ? answer[2..].Trim()
                : throw new InvalidOperationException(answer.StartsWith("error: ", StringComparison.Ordinal) ? answer["error: ".Length..] : $"{question} was answered by: {answer}");
        }
        finally { _oneQuestion.Release(); }
    }

    private async Task<string> ReadAsync(TimeSpan deadline, CancellationToken cancellationToken)
    {
        if (await _process.StandardOutput.ReadLineAsync(cancellationToken).AsTask().WaitAsync(deadline, cancellationToken) is { } line) return line;
        await _process.WaitForExitAsync(cancellationToken).WaitAsync(s_answerDeadline, cancellationToken);
        throw new InvalidOperationException($"The process of the mock cluster ended with code {_process.ExitCode}. It wrote:\n{await _errors}");
    }

    // The dotnet that runs this, whatever is on PATH.
    private static string Dotnet() => Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet")) is var dotnet && File.Exists(dotnet) ? dotnet : "dotnet";

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}

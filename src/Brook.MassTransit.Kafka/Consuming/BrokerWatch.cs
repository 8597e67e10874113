using Confluent.Kafka;
using MassTransit;
using Microsoft.Extensions.Logging;

namespace Brook.MassTransit.Kafka;

/// <summary>
/// Whether the broker is there and has the topics: asked at the start and whenever there is doubt, until it answers. And what it refuses the consumer, until that
/// has partitions or records. What is wrong is the endpoint's health. Thread safe.
/// </summary>
internal sealed class BrokerWatch(string instance, KafkaSettings settings, TimeProvider time, ILogger logger)
{
    private const string NotAnswered = "the broker has not answered yet";
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(1);
    private readonly TaskCompletionSource _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string? _silent = NotAnswered, _refused;
    private int _asking;
    private CancellationToken _stopping;
    private Func<Handle>? _client;

    /// <summary>Ends when the broker has answered for the first time.</summary>
    public Task Answered => _answered.Task;

    /// <summary>Ends when nothing is asked any more; after the stop has begun nothing new is.</summary>
    public Task Asking { get; private set; } = Task.CompletedTask;

    /// <summary>What keeps from the broker; null: nothing.</summary>
    public string? Problem => _silent ?? _refused;

    /// <summary>It was asked for the first time just now.</summary>
    public bool IsAsking => _silent == NotAnswered;

    /// <summary>Called whenever what is to be said of the health may have changed.</summary>
    public Action Changed { get; set; } = static () => { };

    public void Start(Func<Handle> client, CancellationToken stopping)
    {
        (_client, _stopping) = (client, stopping);
        Ask();
    }

    /// <summary>Asks this once, for who only sends and would not notice.</summary>
    /// <exception cref="KafkaException">The broker does not answer.</exception>
    public void Ask(Handle client)
    {
        using var admin = new DependentAdminClientBuilder(client).Build();
        admin.GetMetadata(settings.SendTo, KafkaSettings.Patience);
    }

    /// <summary>It may be away, or a topic.</summary>
    public void Doubt(Error error)
    {
        if (_silent is null)
        {
            Log.BrokerLost(logger, instance, error.Reason);
            _silent = error.Reason;
            Changed();
        }
        Ask();
    }

    /// <summary>It answers, but does not let us.</summary>
    public void Refused(Error error)
    {
        if (_refused == error.Reason) return;
        Log.BrokerLost(logger, instance, error.Reason);
        _refused = error.Reason;
        Changed();
    }

    /// <summary>The consumer has partitions, or a record.</summary>
    public void Let()
    {
        if (_refused is null) return;
        _refused = null;
        Changed();
    }

    private void Ask()
    {
        if (_client is not null && !_stopping.IsCancellationRequested && Interlocked.Exchange(ref _asking, 1) == 0) Asking = Task.Run(AskAsync, CancellationToken.None);
    }

    private async Task AskAsync()
    {
        for (var said = ""; !_stopping.IsCancellationRequested; await Task.Delay(s_again, time, _stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing))
        {
            var problem = WhatIsWrong();
            if (_stopping.IsCancellationRequested) break;
            if (problem is not null && said != problem) Log.BrokerLost(logger, instance, said = problem);
            if (problem is null && _silent is not null) Log.BrokerBack(logger, instance);
            _silent = problem;
            if (problem is null) _answered.TrySetResult();
            Changed();
            if (problem is null) break;
        }
        Volatile.Write(ref _asking, 0);
        if (_silent is not null) Ask();                                 // there was doubt again meanwhile
    }

    private string? WhatIsWrong()
    {
        try
        {
            using var admin = new DependentAdminClientBuilder(_client!()).Build();
            foreach (var name in settings.Topics.Select(topic => topic.Name).Append(settings.SendTo).Distinct())
                if (admin.GetMetadata(name, KafkaSettings.Patience).Topics.FirstOrDefault(topic => topic.Topic == name) is { Error.IsError: true } missing)
                    return missing.Error.Code is ErrorCode.UnknownTopicOrPart ? $"the broker has no topic '{name}': create it, or correct the name" : $"topic '{name}': {missing.Error.Reason}";
            return null;
        }
        catch (Exception e) when (e is KafkaException or ObjectDisposedException or InvalidOperationException or BrookException)
        {
            return $"no broker answers at {settings.Consumer.BootstrapServers}: {e.Message}";
        }
    }
}

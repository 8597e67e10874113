using Confluent.Kafka;
using MassTransit;
using Microsoft.Extensions.Logging;

namespace Brook.MassTransit.Kafka;

/// <summary>Whether the broker is there and has the topics: asked at the start and whenever there is doubt, until it answers. What is wrong is the endpoint's health.</summary>
internal sealed class BrokerWatch(string instance, KafkaSettings settings, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(1);
    private readonly TaskCompletionSource _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string? _lost = "the broker has not answered yet";
    private int _asking;
    private CancellationToken _stopping;
    private Func<Handle>? _client;

    /// <summary>Ends when the broker has answered for the first time.</summary>
    public Task Answered => _answered.Task;

    /// <summary>What keeps from the broker; null: nothing.</summary>
    public string? Problem => _lost;

    /// <summary>Called whenever what is to be said of the health may have changed.</summary>
    public Action Changed { get; set; } = static () => { };

    public void Start(Func<Handle> client, CancellationToken stopping)
    {
        (_client, _stopping) = (client, stopping);
        Ask();
    }

    /// <summary>There is doubt.</summary>
    public void Lost(Error error)
    {
        if (_lost is null)
        {
            Log.BrokerLost(logger, instance, error.Reason);
            _lost = error.Reason;
            Changed();
        }
        Ask();
    }

    /// <summary>Something came from the broker.</summary>
    public void Seen()
    {
        if (_lost is null) return;
        _lost = null;
        _answered.TrySetResult();
        Log.BrokerBack(logger, instance);
        Changed();
    }

    private void Ask()
    {
        if (_client is not null && Interlocked.Exchange(ref _asking, 1) == 0) _ = Task.Run(AskAsync, CancellationToken.None);
    }

    private async Task AskAsync()
    {
        try
        {
            for (var said = ""; !_stopping.IsCancellationRequested; await Task.Delay(s_again, time, _stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing))
            {
                if (WhatIsWrong() is not { } problem)
                {
                    Seen();
                    return;
                }
                _lost = problem;
                if (said != problem) Log.BrokerLost(logger, instance, said = problem);
                Changed();
            }
        }
        finally
        {
            Volatile.Write(ref _asking, 0);
        }
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
        catch (Exception e) when (e is KafkaException or ObjectDisposedException or InvalidOperationException)
        {
            return $"no broker answers at {settings.Consumer.BootstrapServers}: {e.Message}";
        }
    }
}

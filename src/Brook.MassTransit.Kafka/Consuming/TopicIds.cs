using System.Collections.Concurrent;
using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace Brook.MassTransit.Kafka;

/// <summary>
/// Asks the broker with the consumer's client. Topics' own ids (KIP-516): a topic that is made anew has another one. Offsets that the new one does not have are
/// noticed at once; the id is for those it does have. Thread safe.
/// </summary>
internal sealed class TopicIds(Handle client, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(1);
    private readonly ConcurrentDictionary<string, (long Asked, Task<string?> Id)> _asked = new();

    public IAdminClient Admin { get; } = new DependentAdminClientBuilder(client).Build();

    /// <summary>As it was within the last second. Null: the broker is too old to have ids, or this user may not ask.</summary>
    /// <exception cref="KafkaException">The broker does not answer, or has no such topic.</exception>
    public Task<string?> IdOfAsync(string topic, CancellationToken cancellationToken)
    {
        if (!_asked.TryGetValue(topic, out var asked) || asked.Id.IsFaulted || time.GetElapsedTime(asked.Asked) > s_fresh) _asked[topic] = asked = (time.GetTimestamp(), AskAsync(topic));
        return asked.Id.WaitAsync(cancellationToken);
    }

    public void Dispose() => Admin.Dispose();

    private async Task<string?> AskAsync(string topic)
    {
        try
        {
            var described = await Admin.DescribeTopicsAsync(TopicCollection.OfTopicNames([topic]), new DescribeTopicsOptions { RequestTimeout = KafkaSettings.Patience }).ConfigureAwait(false);
            return described.TopicDescriptions[0].TopicId?.ToString() is { } id && id.Any(digit => digit is not ('A' or '=')) ? id : null;
        }
        catch (KafkaException e)
        {
            var error = e is DescribeTopicsException { Results.TopicDescriptions: [{ Error.IsError: true } failed, ..] } ? failed.Error : e.Error;
            if (error.Code is ErrorCode.Local_UnsupportedFeature or ErrorCode.UnsupportedVersion or ErrorCode.TopicAuthorizationFailed or ErrorCode.ClusterAuthorizationFailed) return null;
            throw new KafkaException(error, e);
        }
    }
}

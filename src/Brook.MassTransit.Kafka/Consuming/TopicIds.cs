using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace Brook.MassTransit.Kafka;

/// <summary>Topics' own ids (KIP-516): a topic that is made anew has another one. Offsets that the new one does not have are noticed at once; this is for those it does have.</summary>
internal static class TopicIds
{
    /// <summary>Null: the broker is too old to have ids, or this user may not ask.</summary>
    /// <exception cref="KafkaException">The broker does not answer, or has no such topic.</exception>
    public static async Task<string?> OfAsync(Handle client, string topic, CancellationToken cancellationToken)
    {
        using var admin = new DependentAdminClientBuilder(client).Build();
        try
        {
            var described = await admin.DescribeTopicsAsync(TopicCollection.OfTopicNames([topic]), new DescribeTopicsOptions { RequestTimeout = KafkaSettings.Patience }).WaitAsync(cancellationToken).ConfigureAwait(false);
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

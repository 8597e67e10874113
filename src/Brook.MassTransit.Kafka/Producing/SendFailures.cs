using System.Globalization;
using Confluent.Kafka;

namespace Brook.MassTransit.Kafka;

/// <summary>What the caller of a send is told.</summary>
internal static class SendFailures
{
    public static BrookException Of(Error error, KafkaSettings settings, Message<byte[]?, byte[]?> message) => error.Code switch
    {
        ErrorCode.MsgSizeTooLarge or ErrorCode.Local_InvalidArg when message.Value!.Length > 900_000
            => new(string.Create(CultureInfo.InvariantCulture, $"The event has {message.Value!.Length:N0} bytes, more than the client (message.max.bytes) or topic '{settings.SendTo}' (max.message.bytes) takes; it was not sent. Put the payload elsewhere and send a reference, or raise both.")),
        ErrorCode.MsgSizeTooLarge
            => new(string.Create(CultureInfo.InvariantCulture, $"The event has {message.Value!.Length:N0} bytes, and topic '{settings.SendTo}' takes no record of that size (max.message.bytes); it was not sent.")),
        ErrorCode.UnknownTopicOrPart or ErrorCode.Local_UnknownTopic or ErrorCode.Local_UnknownPartition
            => new($"The broker at {settings.Producer.BootstrapServers} has no topic '{settings.SendTo}', so the event was not sent. Create the topic, or correct the name in kafka.SendTo(...) or kafka.Topic(...)."),
        ErrorCode.TopicAuthorizationFailed or ErrorCode.ClusterAuthorizationFailed
            => new($"This user may not write to topic '{settings.SendTo}': {error.Reason}. Nothing was sent. Give it the right WRITE on the topic."),
        ErrorCode.Local_MsgTimedOut or ErrorCode.Local_TimedOut or ErrorCode.RequestTimedOut
            => new($"Topic '{settings.SendTo}' at {settings.Producer.BootstrapServers} has not confirmed the event in time (message.timeout.ms): {error.Reason}. It may have been sent; an event whose id the caller set can be sent again and is applied once.") { IsTransient = true },
        ErrorCode.Local_PurgeQueue
            => new("The Kafka client gave the event up before it was sent. It can be sent again.") { IsTransient = true },
        ErrorCode.Local_PurgeInflight or ErrorCode.Local_Fatal or ErrorCode.Local_Fenced
            => new($"The Kafka client gave up while the event was under way ({error.Reason}): it may have been sent; an event whose id the caller set can be sent again and is applied once.") { IsTransient = true },
        _ => new($"Topic '{settings.SendTo}' at {settings.Producer.BootstrapServers} has not taken the event: {error.Reason} ({error.Code})."),
    };
}

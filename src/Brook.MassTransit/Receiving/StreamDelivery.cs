using System.Net.Mime;

namespace Brook.MassTransit;

/// <summary>A message of a stream as a transport delivers it, before anybody looked into it.</summary>
/// <param name="MessageId">The transport's id of the message; null: it has none.</param>
/// <param name="Headers">Brook's own headers.</param>
/// <param name="Body">The body as it came; not changed while the message is at work.</param>
/// <param name="ContentType">As the sender gave it; null: none.</param>
/// <param name="AllHeaders">Every header, for the error queue.</param>
internal readonly record struct StreamDelivery(Guid? MessageId, StreamHeaders Headers, ReadOnlyMemory<byte> Body, ContentType? ContentType, IEnumerable<KeyValuePair<string, object>> AllHeaders);

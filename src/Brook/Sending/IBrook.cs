using System.Diagnostics.CodeAnalysis;

namespace Brook;

/// <summary>
/// Sends events to the instance's stream. Thread safe. A call returns when the transport has the events. A handler does not await it: when too much is
/// unhandled it would wait for room that only its own end makes; it answers <see cref="Change.Send{T}"/> instead, which is also sent exactly once.
/// </summary>
public interface IBrook
{
    /// <summary>Sends one event. Events of one key keep the order of the calls.</summary>
    /// <exception cref="BrookException">The event cannot be sent (too large, not serializable, nobody reads the stream, the host is stopping).</exception>
    /// <exception cref="OperationCanceledException">Cancelled: the message says whether the event may have been sent.</exception>
    ValueTask<Receipt> SendAsync(BrookEvent e, CancellationToken cancellationToken = default);

    /// <summary>Sends several events; they keep their order per key. The receipt covers them all.</summary>
    /// <exception cref="BrookSendException">Some were not sent; it lists them.</exception>
    ValueTask<Receipt> SendManyAsync(IEnumerable<BrookEvent> events, CancellationToken cancellationToken = default);

    /// <summary>Sends one event made of a type and data.</summary>
    /// <exception cref="BrookException">The event cannot be sent (too large, not serializable, nobody reads the stream, the host is stopping).</exception>
    ValueTask<Receipt> SendAsync<T>(string type, T data, string? key = null, CancellationToken cancellationToken = default)
        => SendAsync(new BrookEvent<T>(type, data) { Key = key }, cancellationToken);
}

/// <summary>What was sent, to wait for with <see cref="IBrookView.WaitForAsync"/>. As text it goes to clients and to other nodes: <see cref="ToString"/> and <see cref="Parse"/>.</summary>
/// <param name="Spans">Per message (or run of offsets) the first and last event sent.</param>
public sealed record Receipt(IReadOnlyList<ReceiptSpan> Spans) : IParsable<Receipt>
{
    /// <summary>The longest text that <see cref="Parse"/> takes, in characters.</summary>
    public const int MaxTextLength = 65_536;

    /// <summary>A short text for a URL, a header or a cookie: <c>orders/3:0193f5c1d5a77c9e8f3a5b1c2d3e4f50:17</c>, or <c>orders/3:1044-1046</c> for offsets; several spans with <c>!</c> between. Empty when nothing was sent.</summary>
    public override string ToString() => ReceiptText.Write(this);

    /// <summary>The receipt of a text. It is not signed: who makes one up waits in vain, or for somebody else's events.</summary>
    /// <param name="s">What <see cref="ToString"/> gave, up to <see cref="MaxTextLength"/> characters and of 1,024 lanes.</param>
    /// <param name="provider">Not used.</param>
    /// <exception cref="FormatException">It is no receipt; the message says why.</exception>
    /// <exception cref="ArgumentNullException">It is null.</exception>
    public static Receipt Parse(string s, IFormatProvider? provider = null)
    {
        ArgumentNullException.ThrowIfNull(s);
        return ReceiptText.TryRead(s, out var error) ?? throw new FormatException(error);
    }

    /// <summary>As <see cref="Parse"/>; false, and null, when it is no receipt.</summary>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, [MaybeNullWhen(false)] out Receipt result) => (result = s is null ? null : ReceiptText.TryRead(s, out _)) is not null;

    /// <summary>Of the same spans, in the same order.</summary>
    public bool Equals(Receipt? other) => other is not null && Spans.SequenceEqual(other.Spans);

    /// <inheritdoc />
    public override int GetHashCode() => Spans.Aggregate(Spans.Count, HashCode.Combine);
}

/// <summary>Events of one call that stand side by side in one message, or at consecutive offsets of one lane.</summary>
/// <param name="Lane">The lane they went to.</param>
/// <param name="MessageId">Their message; empty on transports that count offsets.</param>
/// <param name="First">The place of the first one.</param>
/// <param name="Last">The place of the last one.</param>
public readonly record struct ReceiptSpan(string Lane, Guid MessageId, long First, long Last);

/// <summary>Some events of a <see cref="IBrook.SendManyAsync"/> were not sent.</summary>
public sealed class BrookSendException : BrookException
{
    internal BrookSendException(string message, Exception? inner, IReadOnlyList<BrookEvent> notSent, Receipt sent) : base(message, inner) => (NotSent, Sent) = (notSent, sent);

    /// <summary>The events that were not sent, or may not have been, in order.</summary>
    public IReadOnlyList<BrookEvent> NotSent { get; }

    /// <summary>Where the others are.</summary>
    public Receipt Sent { get; }
}

using System.Text.Json;
using Brook.Lanes;
using Microsoft.Extensions.DependencyInjection;

namespace Brook.Bench;

/// <summary>Events as bytes.</summary>
internal static class Records
{
    /// <summary>Lets Brook's own sender write the events, and keeps what it hands to its transport.</summary>
    public static ReadOnlyMemory<byte>[] Of(IEnumerable<BrookEvent<OrderUpdated>> events)
    {
        var (services, transport) = (new ServiceCollection(), new Keeping());
        services.AddKeyedSingleton<IBrookTransport>("", transport);
        BrookBuilder.Register(services, "", brook => brook.Author("orders-service").Event<OrderUpdated>(Load.Type).SendOnly());
        using var provider = services.BuildServiceProvider();
        var sending = provider.GetRequiredService<IBrook>().SendManyAsync(events);
        if (!sending.IsCompletedSuccessfully) throw new InvalidOperationException("This transport answers at once.");
        return [.. transport.Records];
    }

    /// <summary>As somebody reads them by hand.</summary>
    public static OrderUpdated Read(ReadOnlyMemory<byte> record) => JsonSerializer.Deserialize<Envelope>(record.Span, JsonSerializerOptions.Web)!.Data;

    private sealed record Envelope(string Type, string? Author, string? Key, OrderUpdated Data);

    private sealed class Keeping : IBrookTransport
    {
        public List<ReadOnlyMemory<byte>> Records { get; } = [];

        public bool ForwardsToOtherNodes => false;

        public ValueTask<SendOutcome> SendAsync(ReadOnlyMemory<EventEnvelope> events, bool fromHandlers, CancellationToken cancellationToken)
        {
            foreach (var e in events.Span) Records.Add(e.Record.ToArray());
            return new(new SendOutcome([], [], null));
        }

        public ValueTask ForwardAsync(ReadOnlyMemory<EventEnvelope> events, CancellationToken cancellationToken) => default;
    }
}

using System.Net.Mime;
using System.Runtime.Serialization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Brook.MassTransit.Tests.Support;
using MassTransit;
using MassTransit.Configuration;
using MassTransit.Context;
using MassTransit.Serialization;
using Microsoft.Extensions.DependencyInjection;
using static Brook.Change;

namespace Brook.MassTransit.Tests.Receiving;

/// <summary>Whatever comes, an application cannot tell the envelope reader from MassTransit's own.</summary>
public sealed class EnvelopeTests
{
    private const string Message = """{ "orderId": "42", "quantity": 3 }""";
    private static readonly string s_types = $"""[ "{MessageUrn.ForTypeString<OrderSubmitted>()}", "{MessageUrn.ForTypeString<ISubmitted>()}" ]""";
    private static readonly SystemTextJsonMessageSerializer s_usual = new();
    private static readonly ViewCollection<int> Counts = "counts";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static EnvelopeDeserializer Ours => new(s_usual);

    public interface ISubmitted
    {
        string OrderId { get; }
        int Quantity { get; }
    }

    public static TheoryData<string, string, bool> Bodies => new()
    {
        {
            "every field", $$$"""
            { "messageId": "13350000-1e22-8a3c-b3af-08df4a9df0c5", "requestId": "23350000-1e22-8a3c-b3af-08df4a9df0c5", "correlationId": "33350000-1e22-8a3c-b3af-08df4a9df0c5",
              "conversationId": "43350000-1e22-8a3c-b3af-08df4a9df0c5", "initiatorId": "{53350000-1e22-8a3c-b3af-08df4a9df0c5}", "sourceAddress": "loopback://localhost/source",
              "destinationAddress": "loopback://localhost/to?x=1", "responseAddress": "loopback://localhost/response", "faultAddress": "loopback://localhost/fault",
              "messageType": {{{s_types}}}, "message": {{{Message}}}, "expirationTime": "2030-01-02T03:04:05.6789012Z", "sentTime": "2026-01-02T03:04:05+02:00",
              "headers": { "text": "ä \"\u00e4\n", "number": 1, "big": 12345678901234, "fraction": 1.5, "yes": true, "none": null, "list": [ 1, "a" ], "object": { "a": { "b": 1 } }, "time": "2026-01-02T03:04:05Z" },
              "host": { "machineName": "m", "processName": "p", "processId": 7, "assembly": "a", "assemblyVersion": "1", "frameworkVersion": "10", "massTransitVersion": "8", "operatingSystemVersion": "os" } }
            """, true
        },
        { "nulls", $$$"""{"messageId":null,"requestId":null,"messageType":{{{s_types}}},"message":{{{Message}}},"expirationTime":null,"sentTime":null,"headers":null,"host":null}""", true },
        { "the message alone", $$$"""{"message":{{{Message}}}}""", true },
        { "empty texts", $$$"""{"messageId":"","sourceAddress":"","messageType":{{{s_types}}},"message":{{{Message}}},"headers":{}}""", true },
        { "an id that is none", $$$"""{"messageId":"abc","messageType":{{{s_types}}},"message":{{{Message}}}}""", true },
        { "unicode and escapes in the message", $$$"""{"messageType":{{{s_types}}},"message":{"orderId":"ä\u00e4\ud83d\ude00\"\\\n😀","quantity":1,"more":[{}]}}""", true },
        { "numbers as texts, capitals, comments and commas", $$$"""{"messageType":{{{s_types}}},"message":{"ORDERID":"1", /* so */ "quantity":5,},}""", true },
        { "a message that is not one", $$$"""{"messageType":{{{s_types}}},"message":{"orderId":{},"quantity":"x"}}""", true },
        { "a list as message", $$$"""{"messageType":{{{s_types}}},"message":[1]}""", true },
        { "a text as message", $$$"""{"messageType":{{{s_types}}},"message":"text"}""", true },
        { "another type", $$$"""{"messageType":["urn:message:Other:Thing"],"message":{{{Message}}}}""", true },
        { "a type in capitals", $$$"""{"messageType":["URN:MESSAGE:BROOK.MASSTRANSIT.TESTS.SUPPORT:ORDERSUBMITTED"],"message":{{{Message}}}}""", true },
        { "another order", $$$"""{"message":{{{Message}}},"messageType":{{{s_types}}},"messageId":"13350000-1e22-8a3c-b3af-08df4a9df0c5"}""", false },
        { "capitals", $$$"""{"MessageId":"13350000-1e22-8a3c-b3af-08df4a9df0c5","MessageType":{{{s_types}}},"Message":{{{Message}}}}""", false },
        { "a field twice", $$$"""{"messageType":{{{s_types}}},"message":{"orderId":"1"},"message":{{{Message}}}}""", false },
        { "a field nobody knows", $$$"""{"messageType":{{{s_types}}},"message":{{{Message}}},"later":{"a":[1]}}""", false },
        { "escapes in names and fields", $$$"""{"message\u0049d":"1","sourceAddress":"loopback:\/\/localhost\/a","messageType":{{{s_types}}},"message":{{{Message}}}}""", false },
        { "unicode in an address", $$$"""{"sourceAddress":"loopback://localhost/ä","messageType":{{{s_types}}},"message":{{{Message}}}}""", false },
        { "no message", $$$"""{"messageType":{{{s_types}}}}""", false },
        { "a null message", $$$"""{"messageType":{{{s_types}}},"message":null}""", false },
        { "a number as id", $$$"""{"messageId":1,"messageType":{{{s_types}}},"message":{{{Message}}}}""", false },
        { "a time that is none", $$$"""{"messageType":{{{s_types}}},"message":{{{Message}}},"sentTime":"yesterday"}""", false },
        { "types that are none", $$$"""{"messageType":"urn","message":{{{Message}}}}""", false },
        { "headers that are none", $$$"""{"messageType":{{{s_types}}},"message":{{{Message}}},"headers":5}""", false },
        { "a host that is none", $$$"""{"messageType":{{{s_types}}},"message":{{{Message}}},"host":[]}""", false },
        { "cut off", $$$"""{"messageType":{{{s_types}}},"message":{{{Message}}}""", false },
        { "broken in the message", $$$"""{"messageType":{{{s_types}}},"message":{"orderId":"42" "quantity":1}}""", false },
        { "more behind it", $$$"""{"messageType":{{{s_types}}},"message":{{{Message}}}} x""", false },
        { "too deep", $$$"""{"messageType":{{{s_types}}},"message":{{{new string('[', 64)}}}{{{new string(']', 64)}}}}""", false },
        { "not an object", "[]", false },
        { "null", "null", false },
        { "not JSON", "whatever", false },
        { "nothing", "", false },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public void An_envelope_reads_as_MassTransits_own_deserializer_reads_it(string name, string body, bool direct)
    {
        var ours = Ours;
        for (var time = 0; time < 2; time++)                // the second time with what is kept of the first
        {
            Assert.Equal(Facts(s_usual, body), Facts(ours, body));
            Assert.True(direct == IsDirect(ours, body), name);
        }
    }

    [Fact]
    public void What_is_the_same_in_many_envelopes_is_kept_and_what_changes_is_not_mixed_up()
    {
        var ours = Ours;
        foreach (var process in new[] { "a", "a", "b", "a" })
        {
            var context = Deserialize(ours, $$$"""{"messageType":["urn:message:X:{{{process}}}"],"message":{{{Message}}},"host":{"processName":"{{{process}}}"}}""");
            Assert.Equal((process, $"urn:message:X:{process}"), (context.Host.ProcessName, Assert.Single(context.SupportedMessageTypes)));
        }
    }

    [Fact]
    public void Options_that_read_envelopes_otherwise_are_not_read_around()
    {
        var options = new JsonSerializerOptions(SystemTextJsonMessageSerializer.Options);
        Assert.True(Envelope.ReadsAsUsual(options));
        Assert.True(Envelope.ReadsAsUsual(new(options) { Converters = { new JsonStringEnumConverter() } }));

        Assert.False(Envelope.ReadsAsUsual(new(options) { Converters = { new Shouting() } }));
        Assert.False(Envelope.ReadsAsUsual(new(options) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower }));
    }

    [Fact]
    public void Another_deserializer_of_the_bus_stays()
    {
        var bus = new SerializationConfiguration();
        Assert.NotNull(EnvelopeDeserializer.For(new SerializationConfiguration().CreateSerializerCollection()));
        bus.AddDeserializer(new Theirs());
        Assert.Null(EnvelopeDeserializer.For(bus.CreateSerializerCollection()));
    }

    [Fact]
    public void Other_content_types_and_the_default_stay_the_buss()
    {
        var bus = new SerializationConfiguration();
        bus.AddDeserializer(new SystemTextJsonRawMessageSerializerFactory(), isDefault: true);
        var endpoint = bus.CreateSerializationConfiguration();
        endpoint.AddDeserializer(EnvelopeDeserializer.For(bus.CreateSerializerCollection())!);

        var serialization = endpoint.CreateSerializerCollection();
        Assert.IsType<EnvelopeDeserializer>(serialization.GetMessageDeserializer(SystemTextJsonMessageSerializer.JsonContentType));
        Assert.IsType<SystemTextJsonRawMessageSerializer>(serialization.GetMessageDeserializer(new ContentType("application/json")));
        Assert.IsType<SystemTextJsonRawMessageSerializer>(serialization.GetMessageDeserializer());
        Assert.Same(bus.CreateSerializerCollection().GetMessageSerializer(), serialization.GetMessageSerializer());
    }

    [Fact]
    public async Task A_message_published_as_another_class_or_as_an_anonymous_object_reaches_the_view()
    {
        await using var harness = await Some.HarnessAsync(brook => brook.Consume<ISubmitted>("submitted", message => message.OrderId).On<ISubmitted>("submitted", e => Merge(Counts, e.Data.OrderId, n => n + e.Data.Quantity)));
        var bus = harness.Services.GetRequiredService<IBus>();

        await bus.Publish(new SubmittedTwice("ä\"42", 3, "more"), Token);
        await bus.Publish<ISubmitted>(new { OrderId = "ä\"42", Quantity = 4 }, Token);

        await UntilAsync(harness.View, "ä\"42", 7);
    }

    [Fact]
    public async Task A_failing_consumer_on_such_an_endpoint_is_retried_faults_and_leaves_the_message_in_the_error_queue()
    {
        var (attempts, fault, moved) = (0, new TaskCompletionSource<ConsumeContext<Fault<OrderSubmitted>>>(), new TaskCompletionSource<ConsumeContext<OrderSubmitted>>());
        await using var harness = await Some.HarnessAsync(brook => brook.AddHandler<OrderHandler>());
        var bus = harness.Services.GetRequiredService<IBus>();
        await ConnectAsync("failing", endpoint =>
        {
            endpoint.AddDeserializer(Ours);
            endpoint.UseMessageRetry(retry => retry.Immediate(2));
            endpoint.Handler<OrderSubmitted>(_ => ++attempts > 0 ? throw new InvalidOperationException("no") : Task.CompletedTask);
        });
        await ConnectAsync("faults", endpoint => Take(endpoint, fault));
        await ConnectAsync("failing_error", endpoint => Take(endpoint, moved));
        var id = NewId.NextGuid();

        await (await bus.GetSendEndpoint(new Uri("queue:failing"))).Send(new OrderSubmitted("42", 3), context =>
        {
            context.MessageId = id;
            context.FaultAddress = new Uri("queue:faults");
            context.Headers.Set("tenant", "t1");
        }, Token);

        var (faulted, error) = (await fault.Task.WithDeadline(), await moved.Task.WithDeadline());
        Assert.Equal((3, id, new OrderSubmitted("42", 3), "no"), (attempts, faulted.Message.FaultedMessageId, faulted.Message.Message, faulted.Message.Exceptions[0].Message));
        Assert.Equal((id, new OrderSubmitted("42", 3), "t1"), (error.MessageId, error.Message, error.Headers.Get<string>("tenant")));
        Assert.Equal("no", error.ReceiveContext.TransportHeaders.Get<string>(MessageHeaders.FaultMessage));

        Task ConnectAsync(string queue, Action<IReceiveEndpointConfigurator> configure) => ((IReceiveConnector)bus).ConnectReceiveEndpoint(queue, endpoint =>
        {
            endpoint.ConfigureConsumeTopology = false;
            configure(endpoint);
        }).Ready.WithDeadline();
    }

    [Theory]
    [InlineData("application/vnd.masstransit+json", "not an envelope")]
    [InlineData("application/vnd.masstransit+json", """{"messageType":["urn:message:Brook.MassTransit.Tests.Support:OrderSubmitted"],"message":{"orderId":{}}}""")]
    [InlineData("application/json", """{"orderId":{}}""")]
    [InlineData("application/pdf", "%PDF")]
    [InlineData("application/vnd.masstransit+json", """{"messageId":"08df4ad8-0000-0000-0000-000000000001","messageType":["urn:message:Other:Thing"],"message":{}}""")]
    public async Task What_cannot_be_read_goes_to_the_instances_error_queue_as_it_came(string contentType, string body)
    {
        var moved = new TaskCompletionSource<string>();
        await using var harness = await Some.HarnessAsync(brook => brook.Consume<OrderSubmitted>(key: message => message.OrderId).On<OrderSubmitted>("order:submitted", e => Merge(Counts, e.Data.OrderId, n => n + e.Data.Quantity)));
        var bus = harness.Services.GetRequiredService<IBus>();
        await ((IReceiveConnector)bus).ConnectReceiveEndpoint("brook_error", endpoint =>
        {
            endpoint.ConfigureConsumeTopology = false;
            endpoint.ClearSerialization();
            endpoint.AddSerializer(StreamSerializer.Instance);
            endpoint.AddDeserializer(StreamSerializer.Instance, isDefault: true);
            endpoint.Handler<StreamMessage>(context =>
            {
                moved.TrySetResult(Encoding.UTF8.GetString(context.Message.Lines));
                return Task.CompletedTask;
            });
        }).Ready.WithDeadline();

        await (await bus.GetSendEndpoint(new Uri("queue:brook.order-submitted"))).Send(new StreamMessage(Encoding.UTF8.GetBytes(body)), Pipe.Execute<SendContext<StreamMessage>>(context =>
            context.Serializer = new StreamSerializer(new ContentType(contentType))), Token);

        Assert.Equal(body, await moved.Task.WithDeadline());
    }

    [Fact]
    public async Task Raw_JSON_of_a_publisher_that_knows_nothing_of_MassTransit_is_an_event()
    {
        await using var harness = await Some.HarnessAsync(brook => brook.Consume<OrderSubmitted>(key: message => message.OrderId).On<OrderSubmitted>("order:submitted", e => Merge(Counts, e.Data.OrderId, n => n + e.Data.Quantity)));

        await (await harness.Services.GetRequiredService<IBus>().GetSendEndpoint(new Uri("queue:brook.order-submitted"))).Send(new StreamMessage("""{"orderId":"raw","quantity":5}"""u8.ToArray()), Pipe.Execute<SendContext<StreamMessage>>(context =>
            context.Serializer = new StreamSerializer(new ContentType("application/json"))), Token);

        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (await harness.View.GetAsync(Counts, "raw", Token) != 5) await Task.Delay(5, deadline.Token);
    }

    private static void Take<T>(IReceiveEndpointConfigurator endpoint, TaskCompletionSource<ConsumeContext<T>> taken) where T : class => endpoint.Handler<T>(context =>
    {
        taken.TrySetResult(context);
        return Task.CompletedTask;
    });

    private static SerializerContext Deserialize(IMessageDeserializer deserializer, string body) => deserializer.Deserialize(new StringMessageBody(body), EmptyHeaders.Instance);

    private static bool IsDirect(IMessageDeserializer deserializer, string body)
    {
        try { return Deserialize(deserializer, body).GetType() != typeof(SystemTextJsonSerializerContext); }
        catch (SerializationException) { return false; }
    }

    /// <summary>All that an application can ask of an envelope, or how it fails.</summary>
    private static string Facts(IMessageDeserializer deserializer, string body)
    {
        SerializerContext context;
        try { context = Deserialize(deserializer, body); }
        catch (SerializationException error) { return $"{error.Message} {error.InnerException?.GetType()} {error.InnerException?.Message}"; }
        var (facts, other) = (new StringBuilder(), typeof(ISubmitted));
        Add("ids", () => (context.MessageId, context.RequestId, context.CorrelationId, context.ConversationId, context.InitiatorId));
        Add("addresses", () => (context.SourceAddress, context.DestinationAddress, context.ResponseAddress, context.FaultAddress));
        Add("times", () => (context.SentTime, context.SentTime?.Kind, context.ExpirationTime, context.ExpirationTime?.Kind));
        Add("types", () => string.Join(' ', context.SupportedMessageTypes));
        Add("host", () => JsonSerializer.Serialize(context.Host));
        Add("headers", () => string.Join(' ', context.Headers.GetAll().Select(header => $"{header.Key}={header.Value?.GetType()} {JsonSerializer.Serialize(header.Value)}")));
        Add("header", () => (context.Headers.Get<string>("TEXT"), context.Headers.Get<int>("number"), context.Headers.Get<DateTime>("time"), context.Headers.GetType()));
        Add("supports", () => (context.IsSupportedMessageType<OrderSubmitted>(), context.IsSupportedMessageType<ISubmitted>(), context.IsSupportedMessageType(other)));
        Add("message", () => (context.TryGetMessage<OrderSubmitted>(out var message), message));
        Add("interface", () => (context.TryGetMessage<ISubmitted>(out var message), message?.OrderId, message?.Quantity));
        Add("interface by type", () => (context.TryGetMessage(typeof(ISubmitted), out var message), (message as ISubmitted)?.OrderId));
        Add("another", () => (context.TryGetMessage<OrderPlaced>(out var message), message));
        Add("another by type", () => (context.TryGetMessage(typeof(OrderPlaced), out var message), message));
        Add("node", () => (context.TryGetMessage<JsonObject>(out var message), message?.ToJsonString()));
        Add("moved", () => Moved(context.GetMessageSerializer()));
        Add("overlaid", () => Moved(context.GetMessageSerializer(new JsonMessageEnvelope { Message = Json("""{"a":1,"b":{"c":2}}"""), SentTime = DateTime.UnixEpoch }, new OrderSubmitted("7", 7))));
        Add("replaced", () => Moved(context.GetMessageSerializer(new OrderSubmitted("8", 8), ["urn:message:Y"])));
        Add("content type", () => context.GetMessageSerializer().ContentType);
        return facts.ToString();

        void Add(string name, Func<object?> of)
        {
            object? fact;
            try { fact = of(); }
            catch (Exception error) { fact = $"{error.GetType()}: {error.Message}"; }
            facts.Append(name).Append(": ").Append(fact).Append('\n');
        }

        static JsonElement Json(string json) => JsonSerializer.Deserialize<JsonElement>(json);
    }

    /// <summary>The body as it would go to another queue; the time of the move is not compared.</summary>
    private static string Moved(IMessageSerializer serializer)
    {
        var moved = JsonNode.Parse(serializer.GetMessageBody(new MessageSendContext<OrderSubmitted>(new OrderSubmitted("0", 0)) { MessageId = Guid.Empty }).GetBytes())!;
        if (moved["sentTime"]?.GetValue<DateTime>() > DateTime.UtcNow.AddMinutes(-5)) moved["sentTime"] = "now";
        return moved.ToJsonString();
    }

    private static async Task UntilAsync(IBrookView view, string key, int value)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (await view.GetAsync(Counts, key, deadline.Token) != value)
        {
            deadline.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    public sealed record SubmittedTwice(string OrderId, int Quantity, string More) : ISubmitted;

    private sealed class Shouting : JsonConverter<string>
    {
        public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetString()?.ToUpperInvariant();
        public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);
    }

    private sealed class Theirs : ISerializerFactory
    {
        public ContentType ContentType => SystemTextJsonMessageSerializer.JsonContentType;
        public IMessageSerializer CreateSerializer() => s_usual;
        public IMessageDeserializer CreateDeserializer() => new StreamSerializer(ContentType);
    }
}

using Brook.Tests.Support;

namespace Brook.Tests.PropertyTests;

internal enum Kind { Add, Create, Delete, DeleteThenCreate, Read, Flaky, Throw, Poison, PoisonCreate }

/// <summary>One event of a trial.</summary>
internal sealed record Op(int Number, string Entry, string? Key, int N, Kind Kind, Guid? CallersId)
{
    public bool Fails => Kind is Kind.Throw or Kind.Poison or Kind.PoisonCreate;

    public string Json { get; } = TestLane.Event(Kind == Kind.Read ? "fuzz:read" : "fuzz:op", new { number = Number, entry = Entry, n = N, kind = (int)Kind }, Key, CallersId);
}

/// <summary>What is delivered: messages of one or more events, or one long run of offsets.</summary>
internal sealed class Script
{
    public required IReadOnlyList<Op> Ops { get; init; }
    public required IReadOnlyList<(Guid Id, IReadOnlyList<Op> Ops)> Messages { get; init; }

    /// <param name="random">Makes the script.</param>
    /// <param name="lane">Entries and keys of different lanes differ.</param>
    /// <param name="inOrder">Whether the result may depend on the order of events.</param>
    public static Script Make(Random random, int lane, bool inOrder)
    {
        var (ops, messages) = (new List<Op>(), new List<(Guid, IReadOnlyList<Op>)>());
        var callers = new List<Guid>();
        for (var m = 0; m < 25; m++)
        {
            var message = new List<Op>();
            for (var i = random.Next(10) == 0 ? random.Next(10, 25) : random.Next(1, 7); i > 0; i--)
            {
                var entry = $"{lane}.{random.Next(4)}";
                var key = random.Next(4) == 0 ? null : entry;
                Guid? id = inOrder && random.Next(6) == 0 ? Guid.CreateVersion7() : null;
                if (id is not null && callers.Count > 0 && random.Next(3) == 0) id = callers[random.Next(callers.Count)];
                if (id is { } given) callers.Add(given);
                message.Add(new Op((lane * 10_000) + ops.Count + message.Count, entry, key, random.Next(1, 100), Pick(random, inOrder), id));
            }
            ops.AddRange(message);
            messages.Add((Guid.CreateVersion7(), message));
        }
        return new() { Ops = ops, Messages = messages };
    }

    private static Kind Pick(Random random, bool inOrder) => random.Next(100) switch
    {
        < 3 => Kind.Throw,
        < 6 => Kind.Poison,
        < 7 => Kind.PoisonCreate,
        < 12 => Kind.Flaky,
        < 27 => Kind.Read,
        < 33 when inOrder => Kind.Create,
        < 38 when inOrder => Kind.Delete,
        < 41 when inOrder => Kind.DeleteThenCreate,
        _ => Kind.Add,
    };
}

/// <summary>The data of an event as handlers get it.</summary>
internal record OpData(int Number, string Entry, int N, Kind Kind);

[EventType("fuzz:op")]
internal sealed record FuzzOp(int Number, string Entry, int N, Kind Kind) : OpData(Number, Entry, N, Kind);

[EventType("fuzz:read")]
internal sealed record FuzzRead(int Number, string Entry, int N, Kind Kind) : OpData(Number, Entry, N, Kind);

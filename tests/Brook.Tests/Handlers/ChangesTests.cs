using System.Collections;
using static Brook.Change;

namespace Brook.Tests.Handlers;

public sealed class ChangesTests
{
    private static readonly ViewCollection<int> Sums = "sums";
    private static readonly Change One = Delete(Sums, "1"), Two = Delete(Sums, "2");

    [Fact]
    public void No_answer_is_no_change()
    {
        Changes[] none = [default, [], Discard, [Discard]];

        Assert.All(none, changes => Assert.Empty(changes));
    }

    [Fact]
    public void One_change_is_a_list_of_one()
    {
        Changes changes = One;

        Assert.Equal(One, Assert.Single(changes));
        Assert.Equal([One], Of([One]));
        Assert.Equal(One, changes[0]);
    }

    [Fact]
    public void A_collection_expression_keeps_the_order()
    {
        Changes changes = [One, Two, Discard, One];

        Assert.Equal(4, changes.Count);
        Assert.Equal([One, Two, Discard, One], changes);
        Assert.Equal(Two, changes[1]);
    }

    [Fact]
    public void Changes_can_be_spread_into_others()
    {
        Changes some = [One, Two];

        Assert.Equal([One, Two, One], Of([.. some, One]));
        Assert.Equal([Two], Of([.. new[] { Two }.Where(_ => true)]));
    }

    [Fact]
    public void What_a_handler_answered_does_not_change_with_its_array()
    {
        Change[] array = [One, Two];
        var changes = Changes.Create(array);

        array[0] = Two;

        Assert.Equal([One, Two], changes);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(2)]
    public void An_index_beyond_the_ends_is_refused(int index)
    {
        Changes two = [One, Two];

        Assert.Throws<ArgumentOutOfRangeException>(() => two[index]);
        Assert.Throws<ArgumentOutOfRangeException>(() => ((Changes)One)[index == 2 ? 1 : index]);
        Assert.Throws<ArgumentOutOfRangeException>(() => default(Changes)[0]);
    }

    [Fact]
    public void They_can_be_walked_again()
    {
        IEnumerable changes = Of([One, Two]);
        var walk = changes.GetEnumerator();
        walk.MoveNext();
        walk.Reset();

        Assert.True(walk.MoveNext());
        Assert.Equal(One, walk.Current);
        Assert.Equal(2, changes.Cast<Change>().Count());
    }

    private static Changes Of(Changes changes) => changes;
}

// SPDX-License-Identifier: Apache-2.0
#include "wire/fields.h"

#include "golden.h"

namespace ringpost::wire {
namespace {

std::string written(bool flexible, auto&& write) {
    Bytes room(128);
    Writer out(room);
    FieldWriter writer(out, 0, flexible);
    write(writer);
    return out.ok() ? to_hex(out.written()) : "failed";
}

TEST(Fields, StringsHaveAClassicAndACompactForm) {
    const auto write = [](FieldWriter& w) { w.string("abc"); };
    EXPECT_EQ(written(false, write), "0003616263");
    EXPECT_EQ(written(true, write), "04616263");
}

TEST(Fields, NullStringsDifferFromEmptyOnes) {
    const auto null = [](FieldWriter& w) { w.nullable_string(std::optional<std::string>()); };
    const auto empty = [](FieldWriter& w) { w.nullable_string(std::optional<std::string>("")); };
    EXPECT_EQ(written(false, null), "ffff");
    EXPECT_EQ(written(true, null), "00");
    EXPECT_EQ(written(false, empty), "0000");
    EXPECT_EQ(written(true, empty), "01");
    for (const bool flexible : {false, true}) {
        std::optional<std::string> s = "before";
        Bytes bytes = from_hex(written(flexible, null));
        Reader in(bytes);
        FieldReader(in, 0, flexible).nullable_string(s);
        EXPECT_FALSE(s.has_value());
        bytes = from_hex(written(flexible, empty));
        Reader in2(bytes);
        FieldReader(in2, 0, flexible).nullable_string(s);
        ASSERT_TRUE(s.has_value());
        EXPECT_EQ(*s, "");
    }
}

TEST(Fields, NullAndEmptyBytesAreToldApartByData) {
    for (const bool flexible : {false, true}) {
        const Bytes null = from_hex(flexible ? "00" : "ffffffff");
        const Bytes empty = from_hex(flexible ? "01" : "00000000");
        ByteSpan b;
        Reader in(empty);
        FieldReader(in, 0, flexible).nullable_bytes(b);
        EXPECT_TRUE(in.at_end());
        EXPECT_NE(b.data(), nullptr);
        EXPECT_EQ(written(flexible, [&](FieldWriter& w) { w.nullable_bytes(b); }), to_hex(empty));
        Reader in2(null);
        FieldReader(in2, 0, flexible).nullable_bytes(b);
        EXPECT_TRUE(in2.at_end());
        EXPECT_EQ(b.data(), nullptr);
        EXPECT_EQ(written(flexible, [&](FieldWriter& w) { w.nullable_bytes(b); }), to_hex(null));
    }
}

TEST(Fields, NullWhereTheSchemaHasNoneReadsAsEmpty) {
    for (const bool flexible : {false, true}) {
        const Bytes bytes = from_hex(flexible ? "000000"
                                              : "ffff"
                                                "ffffffff"
                                                "ffffffff");
        Reader in(bytes);
        FieldReader reader(in, 0, flexible);
        std::string s = "x";
        std::vector<std::byte> b(3);
        std::vector<std::int32_t> v = {1};
        reader.string(s);
        reader.bytes(b);
        reader.array(v);
        EXPECT_TRUE(in.at_end());
        EXPECT_TRUE(s.empty() && b.empty() && v.empty());
    }
}

TEST(Fields, LengthBelowMinusOneIsRefused) {
    for (const char* hex : {"fffe", "8000"}) {
        const Bytes bytes = from_hex(hex);
        Reader in(bytes);
        std::string s;
        FieldReader(in, 0, false).string(s);
        EXPECT_FALSE(in.ok()) << hex;
    }
    const Bytes bytes = from_hex("fffffffe00000000");
    Reader in(bytes);
    std::vector<std::int32_t> v;
    FieldReader(in, 0, false).array(v);
    EXPECT_FALSE(in.ok());
}

TEST(Fields, CountBeyondTheBytesLeftReservesNothing) {
    const Bytes classic = from_hex(
        "7fffffff"
        "00000001");
    const Bytes compact = from_hex(
        "ffffffff0f"
        "00000001");
    for (const bool flexible : {false, true}) {
        Reader in(flexible ? compact : classic);
        std::vector<std::int32_t> v;
        FieldReader(in, 0, flexible).array(v);
        EXPECT_FALSE(in.ok());
        EXPECT_EQ(v.capacity(), 0U);

        Reader in2(flexible ? compact : classic);
        FieldReader(in2, 0, flexible, true).skippable_array(v);
        EXPECT_FALSE(in2.ok());
    }
}

TEST(Fields, StringThatItsLengthCannotExpressFailsTheWriter) {
    const std::string longest(32767, 'x');
    Bytes room(40000);
    for (const bool flexible : {false, true}) {
        Writer out(room);
        FieldWriter(out, 0, flexible).string(longest);
        EXPECT_TRUE(out.ok());
        Writer out2(room);
        FieldWriter(out2, 0, flexible).string(longest + "x");
        EXPECT_FALSE(out2.ok());
    }
}

TEST(Fields, AnyByteButZeroIsTrue) {
    const Bytes bytes = from_hex("0001ff");
    Reader in(bytes);
    FieldReader reader(in, 0, false);
    bool a = true, b = false, c = false;
    reader.boolean(a);
    reader.boolean(b);
    reader.boolean(c);
    EXPECT_FALSE(a);
    EXPECT_TRUE(b);
    EXPECT_TRUE(c);
}

/// Tags 1 and 3 of some struct at version 5, where 3 came with version 6.
bool read_tags(ByteSpan bytes, std::int32_t& one, std::int32_t& three, std::int16_t version) {
    Reader in(bytes);
    FieldReader(in, version, true)
        .tags(Tagged{1, 5, true, [&](auto& tag) { tag.i32(one); }},
              Tagged{3, 6, true, [&](auto& tag) { tag.i32(three); }});
    return in.at_end();
}

TEST(Fields, KnownTagsAreReadAndOthersSkipped) {
    const Bytes bytes = from_hex(
        "03"
        "01"
        "04"
        "0000000a"
        "02"
        "01"
        "ff"
        "03"
        "04"
        "0000000b");
    std::int32_t one = 0, three = 0;
    EXPECT_TRUE(read_tags(bytes, one, three, 6));
    EXPECT_EQ(one, 10);
    EXPECT_EQ(three, 11);
}

TEST(Fields, TagOfALaterVersionIsUnknown) {
    const Bytes bytes = from_hex(
        "01"
        "03"
        "04"
        "0000000b");
    std::int32_t one = 0, three = 0;
    EXPECT_TRUE(read_tags(bytes, one, three, 5));
    EXPECT_EQ(three, 0);
}

TEST(Fields, TagWhoseSizeIsNotItsContentsIsRefused) {
    std::int32_t one = 0, three = 0;
    EXPECT_FALSE(read_tags(from_hex("01"
                                    "01"
                                    "03"
                                    "00000a"),
                           one, three, 6));
    EXPECT_FALSE(read_tags(from_hex("01"
                                    "01"
                                    "05"
                                    "0000000a00"),
                           one, three, 6));
    EXPECT_FALSE(read_tags(from_hex("01"
                                    "01"
                                    "ffffffff0f"
                                    "0000000a"),
                           one, three, 6));
    EXPECT_FALSE(read_tags(from_hex("ffffffff0f"), one, three, 6));
}

TEST(Fields, TagsAreCountedSizedAndSentOnlyWhenPresent) {
    const auto write = [](bool present) {
        Bytes room(64);
        Writer out(room);
        FieldWriter(out, 6, true)
            .tags(Tagged{0, 5, present, [](auto& tag) { tag.string("hi"); }},
                  Tagged{1, 7, true, [](auto& tag) { tag.i32(1); }},
                  Tagged{2, 6, true, [](auto& tag) { tag.i16(9); }});
        return to_hex(out.written());
    };
    EXPECT_EQ(write(true),
              "02"
              "00"
              "03"
              "036869"
              "02"
              "02"
              "0009");
    EXPECT_EQ(write(false),
              "01"
              "02"
              "02"
              "0009");
}

TEST(Fields, ClassicVersionsHaveNoTags) {
    EXPECT_EQ(written(false, [](FieldWriter& w) { w.tags(); }), "");
    EXPECT_EQ(written(true, [](FieldWriter& w) { w.tags(); }), "00");
}

}  // namespace
}  // namespace ringpost::wire

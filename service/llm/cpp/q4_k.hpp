// Twice eight interleaved rows of Q4_K times rows of Q8_K, four of them interleaved or one alone, with the same sums.
#pragma once

#include "blocks.hpp"

namespace career {

// Activations as the kernel asks for them: eight bytes of a row from value `at`, the two sums of its part of 32.
struct Quads {
    const BlockQ8Kx4 * quad[2];

    long long values(int row, int64_t block, int at) const {
        long long out;
        memcpy(&out, quad[row / 4][block].q + 4 * at + 8 * (row % 4), 8);
        return out;
    }
    int sums(int row, int64_t block, int part) const {
        int out;
        memcpy(&out, quad[row / 4][block].sums + 16 * (part / 2) + 4 * (row % 4) + 2 * (part % 2), 4);
        return out;
    }
    float d(int row, int64_t block) const { return quad[row / 4][block].d[row % 4]; }
};

struct Single {
    const BlockQ8K * row;

    long long values(int, int64_t block, int at) const {
        long long out;
        memcpy(&out, row[block].q + at, 8);
        return out;
    }
    int sums(int, int64_t block, int part) const {
        int out;
        memcpy(&out, row[block].sums + 2 * part, 4);
        return out;
    }
    float d(int, int64_t block) const { return row[block].d; }
};

// Two tiles of eight rows that are computed together. Lane L of what is computed holds rows 2L and 2L+1 of the first,
// then those of the second.
struct Pair {
    const BlockQ4Kx8 *first, *second;
};

// The scales and minima of a part of 32, six bits each, as words, each of them twice.
struct Scales4 {
    __m512i scale, least;

    Scales4(const Pair & x, int part) {
        uint64_t scales[2], minima[2];
        read(x.first->scales + 12 * part, scales[0], minima[0]);
        read(x.second->scales + 12 * part, scales[1], minima[1]);
        scale = spread(scales);
        least = spread(minima);
    }

    static void read(const uint8_t * packed, uint64_t & scales, uint64_t & minima) {
        uint32_t u[3];
        memcpy(u, packed, 12);
        const uint32_t upper_scales = (u[2] & 0x0f0f0f0f) | (((u[0] >> 6) & 0x03030303) << 4);
        const uint32_t upper_minima = ((u[2] >> 4) & 0x0f0f0f0f) | (((u[1] >> 6) & 0x03030303) << 4);
        scales = (u[0] & 0x3f3f3f3f) | (uint64_t) upper_scales << 32;
        minima = (u[1] & 0x3f3f3f3f) | (uint64_t) upper_minima << 32;
    }

    static __m512i spread(const uint64_t * bytes) {
        const __m512i lanes = _mm512_set_epi64(
            (long long) 0x800f800f800e800e, (long long) 0x8007800780068006, (long long) 0x800d800d800c800c,
            (long long) 0x8005800580048004, (long long) 0x800b800b800a800a, (long long) 0x8003800380028002,
            (long long) 0x8009800980088008, (long long) 0x8001800180008000);
        const __m128i both = _mm_set_epi64x((long long) bytes[1], (long long) bytes[0]);
        return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(both), lanes);
    }
};

inline __m512 halves(const uint16_t * first, const uint16_t * second) {
    const __m512i lanes = _mm512_set_epi32(15, 14, 7, 6, 13, 12, 5, 4, 11, 10, 3, 2, 9, 8, 1, 0);
    const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i *>(first));
    const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i *>(second));
    return _mm512_permutexvar_ps(lanes, _mm512_cvtph_ps(_mm256_set_m128i(b, a)));
}

// Part `part` of the lines of a block that will be wanted later, into the second cache: the processor alone, held up by
// the products of many rows, asks for the next weights too late.
inline __attribute__((always_inline)) void fetch(const BlockQ4Kx8 * block, int part) {
    const char * at = reinterpret_cast<const char *>(block) + 128 * part;
    for (int line = 0; line < (part == 7 ? 4 : 2); line++) _mm_prefetch(at + 64 * line, _MM_HINT_T1);
}

// Sixteen products of at most 15 * 127 fit sixteen bits: so both tiles are packed before they are scaled.
template <int ROWS, bool FETCH, typename Rows>
inline __attribute__((always_inline)) void block4(const Pair & x, const Pair & next, int64_t b, const Rows & y,
                                                  __m512 * sum) {
    const __m512i nibble = _mm512_set1_epi8(15);
    __m512i total[ROWS], least[ROWS];
    for (int m = 0; m < ROWS; m++) total[m] = least[m] = _mm512_setzero_si512();
#pragma GCC unroll 8
    for (int part = 0; part < 8; part++) {
        if (FETCH) fetch(next.first, part), fetch(next.second, part);
        const Scales4 scales(x, part);
        __m512i first[ROWS], second[ROWS];
        for (int m = 0; m < ROWS; m++) first[m] = second[m] = _mm512_setzero_si512();
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            const int at = 256 * (part / 2) + 64 * j, shift = 4 * (part % 2);
            const __m512i a = _mm512_and_si512(_mm512_srli_epi16(_mm512_loadu_si512(x.first->q + at), shift), nibble);
            const __m512i c = _mm512_and_si512(_mm512_srli_epi16(_mm512_loadu_si512(x.second->q + at), shift), nibble);
            for (int m = 0; m < ROWS; m++) {
                const __m512i values = _mm512_set1_epi64(y.values(m, b, 32 * part + 8 * j));
                first[m] = _mm512_dpbusd_epi32(first[m], a, values);
                second[m] = _mm512_dpbusd_epi32(second[m], c, values);
            }
        }
        for (int m = 0; m < ROWS; m++) {
            total[m] = _mm512_dpwssd_epi32(total[m], _mm512_packs_epi32(first[m], second[m]), scales.scale);
            least[m] = _mm512_dpwssd_epi32(least[m], scales.least, _mm512_set1_epi32(y.sums(m, b, part)));
        }
    }
    const __m512 d = halves(x.first->d, x.second->d), dmin = halves(x.first->dmin, x.second->dmin);
    for (int m = 0; m < ROWS; m++) {
        const __m512 taken = _mm512_mul_ps(_mm512_cvtepi32_ps(least[m]), dmin);
        const __m512 product = _mm512_fmsub_ps(_mm512_cvtepi32_ps(total[m]), d, taken);
        sum[m] = _mm512_fmadd_ps(product, _mm512_set1_ps(y.d(m, b)), sum[m]);
    }
}

// Two tiles of weights, ROWS of activations; sixteen values, or eight of `one` tile, to out + m * out_stride. FETCH
// when the two tiles behind these are not at hand yet.
template <int ROWS, bool FETCH, typename Rows>
void tile4(const BlockQ4Kx8 * w, int64_t blocks, bool one, const Rows & y, float * out, int64_t out_stride) {
    __m512 sum[ROWS];
    for (int m = 0; m < ROWS; m++) sum[m] = _mm512_setzero_ps();
    const int64_t other = one ? 0 : blocks;
    for (int64_t b = 0; b < blocks; b++)
        block4<ROWS, FETCH>({w + b, w + other + b}, {w + 2 * other + b, w + 3 * other + b}, b, y, sum);
    const __m512i rows = _mm512_set_epi32(15, 14, 11, 10, 7, 6, 3, 2, 13, 12, 9, 8, 5, 4, 1, 0);
    for (int m = 0; m < ROWS; m++)
        _mm512_mask_storeu_ps(out + m * out_stride, one ? 0x00ff : 0xffff, _mm512_permutexvar_ps(rows, sum[m]));
}

}  // namespace career
